/**
 * What a probe is sent to, as somebody types it: `manager-1:5000`, `10.0.1.5`, `[fd00::5]:80`, `fd00::5`.
 */

/** A name or an address; without a port it is pinged. */
export interface ProbeTarget {
  readonly host: string;
  readonly port: number | undefined;
}

const PORT_MAX = 65_535;

/** Reads a target; `undefined` for what is none. */
export function probeTargetOf(text: string): ProbeTarget | undefined {
  const isBareIpv6 = /^[^[]*:.*:/.test(text);
  const pattern = isBareIpv6 ? /^(.+)()$/ : /^(\[[^\]]+\]|[^:[]+)(?::(\d+))?$/;
  const [, host, portText = ''] = pattern.exec(text) ?? [];
  if (host === undefined) return undefined;
  const port = portText === '' ? undefined : Number(portText);
  if (port !== undefined && (port === 0 || port > PORT_MAX)) return undefined;
  return { host: host.replace(/^\[|\]$/g, ''), port };
}
