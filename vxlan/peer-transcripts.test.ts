/**
 * What peer events leave in the kernel, in whatever order they come: a file of `testdata/` plays one
 * order of events on host a, with each driver, and tells after every event what is programmed there
 * (`address mac`, `mac vtep`, `?` where it is learned) and what dockerd logs. Where drivers end alike,
 * one line tells of them.
 *
 * Commands: `create|delete ENDPOINT ADDRESS VTEP` (events of NetworkDB), `join ENDPOINT ADDRESS` and
 * `leave ENDPOINT` (endpoints of the host), `frame ADDRESS VTEP` (one comes), `wait SPAN`.
 */
import { ip } from '../net/testing/lab.ts';
import { testTranscripts } from '../sim/testing/transcript.ts';
import { parseDuration, SECOND_NS } from '../sim/time.ts';
import { macOfIpv4 } from '../wire/addresses.ts';
import type { OverlayDriver } from './overlay-network.ts';
import { OverlayLab, peer } from './testing/overlay-lab.ts';

const DRIVERS: readonly OverlayDriver[] = ['17.06', '17.07', 1, 2, 3];

/** One host's driver under a file's commands. */
class Driver {
  readonly #lab: OverlayLab;

  constructor(driver: OverlayDriver) {
    this.#lab = new OverlayLab({}, driver);
  }

  /** Does what a command says; the state afterwards, and what was logged. */
  execute(command: string): string[] {
    const [verb, first = '', second = '', third = ''] = command.split(' ');
    const lab = this.#lab;
    const { overlay, warnings } = lab.a;
    warnings.length = 0;
    switch (verb) {
      case 'create':
        overlay.addPeer(peer(first, second, third));
        break;
      case 'delete':
        overlay.removePeer(peer(first, second, third));
        break;
      case 'join':
        lab.a.container(first, second);
        break;
      case 'leave':
        overlay.leave(first);
        break;
      case 'frame':
        overlay.vxlan!.fdb.snoop(macOfIpv4(ip(first)), ip(second), lab.world.nowNs);
        break;
      case 'wait':
        lab.run(parseDuration(first)! / SECOND_NS);
        break;
      default:
        throw new Error(`unknown command ${command}`);
    }
    const entries = lab.a.kernel();
    const state = entries.length === 0 ? 'nothing' : entries.join(', ');
    const kernel = overlay.vxlan === undefined ? 'no namespace' : state;
    return [kernel, ...warnings.map((text) => `log: ${text}`)];
  }
}

testTranscripts(new URL('testdata/', import.meta.url), () => {
  const drivers = DRIVERS.map((driver) => new Driver(driver));
  return {
    block: (commands) =>
      commands
        .filter((command) => !command.startsWith('#'))
        .flatMap((command) => [command, ...tell(drivers.map((driver) => driver.execute(command)))]),
  };
});

/** Each driver's lines; those of drivers that agree once. */
function tell(results: readonly (readonly string[])[]): string[] {
  const texts = results.map((lines) => lines.join('\n'));
  return [...new Set(texts)].flatMap((text) => {
    const numbers = DRIVERS.filter((_, i) => texts[i] === text);
    const who = numbers.length === DRIVERS.length ? 'all' : numbers.join(',');
    return text.split('\n').map((line) => `  ${who}: ${line}`);
  });
}
