/**
 * What is known of images: which ports the program of a well-known image listens on. An unknown
 * image serves whatever its service publishes and exposes; one that publishes nothing is idle.
 */
import { type Listener, listenerOf, type ProgramSpec, serverOf } from './program.ts';

type Port = readonly [port: number, protocol: Listener['protocol']];

/** Repository names without registry and tag, and what they listen on. */
const KNOWN_IMAGES: Readonly<Record<string, readonly Port[]>> = {
  nginx: [[80, 'http']],
  httpd: [[80, 'http']],
  caddy: [[80, 'http']],
  traefik: [[80, 'http']],
  'traefik/whoami': [[80, 'http']],
  'containous/whoami': [[80, 'http']],
  'nginxdemos/hello': [[80, 'http']],
  redis: [[6379, 'tcp']],
  memcached: [[11211, 'tcp']],
  postgres: [[5432, 'tcp']],
  mysql: [[3306, 'tcp']],
  mariadb: [[3306, 'tcp']],
  mongo: [[27017, 'tcp']],
  rabbitmq: [[5672, 'tcp']],
  'dockersamples/examplevotingapp_vote': [[80, 'http']],
  'dockersamples/examplevotingapp_result': [[80, 'http']],
  'dockersamples/examplevotingapp_worker': [],
  alpine: [],
  busybox: [],
  ubuntu: [],
  debian: [],
};

/** The repository of an image reference: `docker.io/library/redis:alpine` is `redis`. */
function repositoryOf(image: string): string {
  const withoutDigest = image.split('@')[0]!;
  const slash = withoutDigest.lastIndexOf('/');
  const colon = withoutDigest.indexOf(':', slash + 1);
  const name = colon < 0 ? withoutDigest : withoutDigest.slice(0, colon);
  const parts = name.split('/');
  const first = parts[0]!;
  const hasRegistry = parts.length > 1 && /[.:]|^localhost$/.test(first);
  const path = (hasRegistry ? parts.slice(1) : parts).join('/');
  return path.startsWith('library/') ? path.slice('library/'.length) : path;
}

/** The program of an image; `ports` are what the service publishes and exposes, as `80/tcp`. */
export function programOfImage(image: string, ports: readonly string[]): ProgramSpec {
  const repository = repositoryOf(image);
  const known = Object.hasOwn(KNOWN_IMAGES, repository) ? KNOWN_IMAGES[repository]! : undefined;
  if (known !== undefined) {
    return serverOf(known.map(([port, protocol]) => listenerOf(port, protocol)));
  }
  const listeners = ports.map((text) => {
    const [number, protocol] = text.split('/');
    return listenerOf(Number(number), protocol === 'udp' || protocol === 'sctp' ? protocol : 'tcp');
  });
  return serverOf(listeners);
}
