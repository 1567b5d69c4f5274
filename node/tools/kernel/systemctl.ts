/**
 * `systemctl` for the services of a Docker host: `docker` (with `docker.socket`, which would start it
 * again as soon as somebody asks) and, where it is installed, `firewalld`; and `firewall-cmd`.
 */
import type { Host } from '../../host/host.ts';
import { parseOptions } from '../options.ts';
import type { Process } from '../process.ts';

/** Exit statuses of systemd and firewalld. */
const NOT_ACTIVE = 3;
const NO_UNIT = 5;
const NOT_RUNNING = 252;

/** What can be done to a service. */
interface Unit {
  readonly isActive: boolean;
  start(): void;
  stop(onStopped: () => void): void;
  kill(isCertain: boolean): void;
  reload?: () => void;
}

/** `systemctl start|stop|restart|reload|is-active UNIT`, `systemctl kill [-s SIGNAL] UNIT`. */
export function systemctl(process: Process, argv: readonly string[]): void {
  const options = parseOptions('systemctl', argv, 's:');
  if (typeof options === 'string') {
    process.fail(1, options);
    return;
  }
  const [verb = '', name = ''] = options.operands;
  const unit = unitOf(process.place.daemon?.host, name.replace(/\.service$/, ''));
  if (unit === undefined) {
    const why = `Unit ${name.replace(/\.service$/, '')}.service not found.`;
    process.fail(NO_UNIT, `Failed to ${verb} ${name}: ${why}\n`);
    return;
  }
  switch (verb) {
    case 'start':
      unit.start();
      process.exit(0);
      return;
    case 'stop':
      unit.stop(() => process.exit(0));
      return;
    case 'restart':
      unit.stop(() => {
        unit.start();
        process.exit(0);
      });
      return;
    case 'kill':
      unit.kill(/^(SIG)?KILL$|^9$/.test(options.value('s') ?? ''));
      process.exit(0);
      return;
    case 'reload':
      unit.reload?.();
      process.exit(0);
      return;
    case 'is-active':
      process.print(unit.isActive ? 'active\n' : 'inactive\n');
      process.exit(unit.isActive ? 0 : NOT_ACTIVE);
      return;
    default:
      process.fail(1, `Unknown command verb ${verb}.\n`);
  }
}

/** `firewall-cmd --reload|--state` */
export function firewallCmd(process: Process, argv: readonly string[]): void {
  const firewalld = process.place.daemon?.host.firewalld;
  const [option] = argv;
  if (firewalld?.isRunning !== true) {
    const text = option === '--state' ? 'not running\n' : 'FirewallD is not running\n';
    process.fail(NOT_RUNNING, text);
    return;
  }
  if (option === '--state') process.print('running\n');
  else if (option === '--reload' || option === '--complete-reload') {
    firewalld.reload();
    process.print('success\n');
  } else {
    process.fail(2, `usage: see firewall-cmd man page\nNo option specified.\n`);
    return;
  }
  process.exit(0);
}

function unitOf(host: Host | undefined, name: string): Unit | undefined {
  if (host === undefined) return undefined;
  const engine = host.process;
  if (name === 'docker') {
    return {
      isActive: engine.isUp,
      start: () => engine.start(),
      stop: (onStopped) => engine.stop(onStopped),
      kill: (isCertain) => (isCertain ? engine.kill() : engine.stop()),
    };
  }
  const { firewalld } = host;
  if (name !== 'firewalld' || firewalld === undefined) return undefined;
  return {
    isActive: firewalld.isRunning,
    start: () => firewalld.reload(),
    stop: (onStopped) => {
      firewalld.stop();
      onStopped();
    },
    kill: () => firewalld.stop(),
    reload: () => firewalld.reload(),
  };
}
