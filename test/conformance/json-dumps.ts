/**
 * iproute2's JSON as the same tool's text: the lab kept neighbours, routes and forwarding tables as
 * JSON, and the views print text.
 */

interface NeighbourRow {
  readonly dst: string;
  readonly dev: string;
  readonly lladdr?: string;
  readonly state: readonly string[];
}

interface RouteRow {
  readonly type?: string;
  readonly dst: string;
  readonly gateway?: string;
  readonly dev: string;
  readonly table?: string;
  readonly protocol?: string;
  readonly scope?: string;
  readonly prefsrc?: string;
  readonly flags: readonly string[];
}

interface ForwardingRow {
  readonly mac: string;
  readonly ifname: string;
  readonly dst?: string;
  readonly linkNetNsId?: number;
  readonly vlan?: number;
  readonly flags: readonly string[];
  readonly master?: string;
  readonly state: string;
}

/** `ip -j neigh` as `ip neigh`. */
export function neighbourLines(rows: readonly NeighbourRow[]): string {
  return lines(
    rows.map(({ dst, dev, lladdr, state }) =>
      words(dst, 'dev', dev, lladdr === undefined ? '' : `lladdr ${lladdr}`, state.join(' ')),
    ),
  );
}

/** The main table's IPv4 routes of `ip -j route show table all`, as `ip route`. */
export function routeLines(rows: readonly RouteRow[]): string {
  const main = rows.filter((row) => row.table === undefined && !row.dst.includes(':'));
  return lines(
    main.map((row) =>
      words(
        row.dst,
        row.gateway === undefined ? '' : `via ${row.gateway}`,
        `dev ${row.dev}`,
        row.protocol === undefined ? '' : `proto ${row.protocol}`,
        row.scope === undefined ? '' : `scope ${row.scope}`,
        row.prefsrc === undefined ? '' : `src ${row.prefsrc}`,
        row.flags.join(' '),
      ),
    ),
  );
}

/** `bridge -j fdb` as `bridge fdb`, without the per-VLAN rows that newer kernels repeat. */
export function forwardingLines(rows: readonly ForwardingRow[]): string {
  const plain = rows.filter((row) => row.vlan === undefined);
  return lines(
    plain.map((row) =>
      words(
        row.mac,
        `dev ${row.ifname}`,
        row.dst === undefined ? '' : `dst ${row.dst}`,
        row.linkNetNsId === undefined ? '' : `link-netnsid ${row.linkNetNsId}`,
        row.flags.join(' '),
        row.master === undefined ? '' : `master ${row.master}`,
        row.state,
      ),
    ),
  );
}

function words(...parts: string[]): string {
  return parts.filter((part) => part !== '').join(' ');
}

function lines(rows: readonly string[]): string {
  return rows.map((row) => `${row}\n`).join('');
}
