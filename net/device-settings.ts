/**
 * The settings that every device of a namespace has in one family: `net.<family>.conf.<device>.<key>`,
 * with one set for `all` and one for `default`, which a new device copies.
 *
 * They are plain fields, so that the packet path reads them without a look-up. In IPv4 what is written
 * to `default` reaches the devices whose own value nobody wrote; in IPv6 it does not.
 * Mirrors net/ipv4/devinet.c (`devinet_conf_proc`) and net/ipv6/addrconf.c.
 */

/** A setting's place: whose fields, which of them, and the device's name. */
export interface SettingPlace<T> {
  readonly fields: T;
  readonly key: keyof T & string;
  readonly device: string;
}

/** The settings of one family. */
export class DeviceSettings<T extends { [K in keyof T]: number }> {
  readonly all: T;
  readonly default: T;
  readonly #fresh: T;
  /** `net.ipv4.conf.`: spares other names the regular expression. */
  readonly #prefix: string;
  readonly #reachesDevices: boolean;
  readonly #byDevice = new Map<string, T>();
  /** `<device>.<key>` whose value somebody wrote, so that `default` no longer reaches it. */
  readonly #written = new Set<string>();

  /** `copied`: those of the namespace whose values a new one takes over. */
  constructor(
    family: 'ipv4' | 'ipv6',
    fresh: T,
    copied: DeviceSettings<T> | undefined,
    reachesDevices: boolean,
  ) {
    this.#prefix = `net.${family}.conf.`;
    this.#fresh = fresh;
    this.#reachesDevices = reachesDevices;
    this.all = { ...(copied?.all ?? fresh) };
    this.default = { ...(copied?.default ?? fresh) };
  }

  /** Where the value of a name is; undefined for other names and devices that are not there. */
  placeOf(name: string): SettingPlace<T> | undefined {
    if (!name.startsWith(this.#prefix)) return undefined;
    const dot = name.lastIndexOf('.');
    const key = name.slice(dot + 1);
    if (dot < this.#prefix.length || !Object.hasOwn(this.#fresh, key)) return undefined;
    const device = name.slice(this.#prefix.length, dot);
    let fields = this.#byDevice.get(device);
    if (device === 'all') fields = this.all;
    else if (device === 'default') fields = this.default;
    return fields === undefined ? undefined : { fields, key: key as keyof T & string, device };
  }

  /** The names of all settings that there are. */
  names(): string[] {
    const devices = ['all', 'default', ...this.#byDevice.keys()];
    const keys = Object.keys(this.#fresh);
    return devices.flatMap((device) => keys.map((key) => `${this.#prefix}${device}.${key}`));
  }

  /** Sets one value, and those that follow it. */
  set({ fields, key, device }: SettingPlace<T>, value: number): void {
    put(fields, key, value);
    if (device !== 'all' && device !== 'default') this.#written.add(`${device}.${key}`);
    if (device !== 'default' || !this.#reachesDevices) return;
    for (const [other, own] of this.#byDevice) {
      if (!this.#written.has(`${other}.${key}`)) put(own, key, value);
    }
  }

  /** Sets a value everywhere: `all`, `default` and every device. */
  setEverywhere(key: keyof T & string, value: number): void {
    for (const fields of [this.all, this.default, ...this.#byDevice.values()]) {
      put(fields, key, value);
    }
  }

  /** The settings of a device that has just come into the namespace. */
  addDevice(name: string): T {
    const fields = { ...this.default };
    this.#byDevice.set(name, fields);
    return fields;
  }

  /** Forgets the settings of a device that has left. */
  removeDevice(name: string): void {
    this.#byDevice.delete(name);
    for (const written of [...this.#written]) {
      if (written.startsWith(`${name}.`)) this.#written.delete(written);
    }
  }

  /** A device got another name. */
  renameDevice(from: string, to: string): void {
    const fields = this.#byDevice.get(from);
    if (fields === undefined) return;
    this.#byDevice.delete(from);
    this.#byDevice.set(to, fields);
  }
}

function put<T extends { [K in keyof T]: number }>(fields: T, key: keyof T, value: number): void {
  fields[key] = value as T[keyof T];
}
