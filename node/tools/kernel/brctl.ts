/**
 * `brctl` of bridge-utils 1.7: bridges, their ports and what they have learned.
 */
import { Bridge } from '../../../net/device/bridge.ts';
import type { Namespace } from '../../../net/namespace.ts';
import { formatMac } from '../../../wire/addresses.ts';
import { enslave } from '../enslave.ts';
import type { Process } from '../process.ts';

const USAGE = `Usage: brctl [commands]
commands:
	addbr     	<bridge>		add bridge
	delbr     	<bridge>		delete bridge
	addif     	<bridge> <device>	add interface to bridge
	delif     	<bridge> <device>	delete interface from bridge
	hairpin   	<bridge> <port> {on|off}	turn hairpin on/off
	setageing 	<bridge> <time>		set ageing time
	show      	[ <bridge> ]		show a list of bridges
	showmacs  	<bridge>		show a list of mac addrs
`;

/** The commands on one bridge, and how many words follow its name. */
const WORD_COUNTS: Readonly<Record<string, number>> = {
  showmacs: 0,
  delbr: 0,
  addif: 1,
  delif: 1,
  setageing: 1,
  hairpin: 2,
};

/** `brctl show|showmacs|addbr|delbr|addif|delif|hairpin|setageing`. */
export function brctl(process: Process, argv: readonly string[]): void {
  const [command = '', name = '', ...words] = argv;
  const { namespace } = process.place;
  if (command === 'show') {
    show(process, argv.slice(1));
    return;
  }
  if (command === 'addbr' && name !== '') {
    addBridge(process, name);
    return;
  }
  const count = WORD_COUNTS[command];
  if (count === undefined) {
    process.fail(1, argv.length === 0 ? USAGE : `never heard of command [${command}]\n${USAGE}`);
    return;
  }
  if (name === '' || words.length !== count) {
    process.fail(1, `Incorrect number of arguments for command\n${USAGE}`);
    return;
  }
  const bridge = namespace.deviceByName(name);
  if (!(bridge instanceof Bridge)) {
    const why = bridge === undefined ? 'No such device' : 'Operation not supported';
    process.fail(1, `${FAILURES[command]!(name)} ${why}\n`);
    return;
  }
  change(process, bridge, command, words);
}

/** What stands before the reason when there is no such bridge. */
const FAILURES: Readonly<Record<string, (bridge: string) => string>> = {
  showmacs: () => 'read of forward table failed:',
  delbr: (bridge) => `bridge ${bridge} doesn't exist; can't delete it:`,
  addif: (bridge) => `bridge ${bridge} does not exist!`,
  delif: (bridge) => `bridge ${bridge} does not exist!`,
  setageing: () => 'set ageing time failed:',
  hairpin: (bridge) => `can't set ${bridge} to hairpin:`,
};

function change(
  process: Process,
  bridge: Bridge,
  command: string,
  [word = '', state]: string[],
): void {
  const { namespace } = process.place;
  const port = namespace.deviceByName(word);
  switch (command) {
    case 'showmacs':
      process.print(macsText(namespace, bridge));
      break;
    case 'delbr':
      if (bridge.isUp) {
        process.fail(1, `bridge ${bridge.name} is still up; can't delete it\n`);
        return;
      }
      namespace.removeDevice(bridge);
      break;
    case 'setageing':
      bridge.fdb.ageingNs = Math.round(Number(word) * 1e9);
      break;
    default:
      if (port === undefined) {
        process.fail(1, `interface ${word} does not exist!\n`);
        return;
      }
      if (command === 'hairpin') {
        if (port.bridgePort !== undefined) port.bridgePort.isHairpin = state === 'on';
      } else if (command === 'addif') {
        if (port.master !== undefined) {
          const text = `device ${word} is already a member of a bridge; can't enslave it to bridge`;
          process.fail(1, `${text} ${bridge.name}.\n`);
          return;
        }
        const refusal = enslave(port, bridge);
        if (refusal !== undefined) {
          process.fail(1, `can't add ${word} to bridge ${bridge.name}: ${refusal.text}\n`);
          return;
        }
      } else if (port.master !== bridge) {
        process.fail(1, `device ${word} is not a slave of ${bridge.name}\n`);
        return;
      } else namespace.setMaster(port, undefined);
  }
  process.exit(0);
}

function addBridge(process: Process, name: string): void {
  const { namespace } = process.place;
  if (namespace.deviceByName(name) !== undefined) {
    process.fail(1, `device ${name} already exists; can't create bridge with the same name\n`);
    return;
  }
  const mac = 0x0200_0000_0000 + process.draw();
  namespace.addDevice(new Bridge(name, mac));
  process.exit(0);
}

function show(process: Process, names: readonly string[]): void {
  const { namespace } = process.place;
  let status = 0;
  process.print('bridge name\tbridge id\t\tSTP enabled\tinterfaces\n');
  const bridges = namespace.devices.list().filter((device) => device instanceof Bridge);
  const wanted = names.length === 0 ? bridges.map(({ name }) => name).sort() : names;
  for (const name of wanted) {
    const bridge = bridges.find((each) => each.name === name);
    if (bridge === undefined) {
      const isDevice = namespace.deviceByName(name) !== undefined;
      const why = isDevice ? 'Operation not supported' : 'No such device';
      process.complain(`bridge ${name} does not exist: ${why}\n`);
      status = 1;
      continue;
    }
    const id = `8000.${formatMac(bridge.mac).replaceAll(':', '')}`;
    const ports = bridge.ports.map(({ device }) => device.name).sort();
    const [first = '', ...others] = ports;
    process.print(`${name}\t\t${id}\tno\t\t${first}\n`);
    for (const port of others) process.print(`\t\t\t\t\t\t\t${port}\n`);
  }
  process.exit(status);
}

/** Port number, MAC address, whether it is local, and seconds since a frame came from it. */
function macsText(namespace: Namespace, bridge: Bridge): string {
  const { nowNs } = namespace.world;
  const rows = bridge.fdb.list(nowNs).flatMap((entry) => {
    if (entry.port === undefined) return [];
    return [{ ...entry, number: entry.port.number }];
  });
  rows.sort((a, b) => a.number - b.number || a.mac - b.mac);
  const lines = rows.map(({ number, mac, isLocal, isStatic, updatedAtNs }) => {
    const age = isLocal || isStatic ? 0 : (nowNs - updatedAtNs) / 1e9;
    const local = isLocal ? 'yes' : 'no';
    const port = String(number).padStart(3);
    return `${port}\t${formatMac(mac)}\t${local}\t\t${age.toFixed(2).padStart(7)}\n`;
  });
  return `port no\tmac addr\t\tis local?\tageing timer\n${lines.join('')}`;
}
