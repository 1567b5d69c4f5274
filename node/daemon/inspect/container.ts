/**
 * What `docker inspect` prints of a container: the Engine API's container, key by key (moby
 * `daemon/inspect.go`, API 1.41 and later). What has nothing to do with the network is what dockerd
 * says of a container without wishes; images and layers have made-up ids.
 */
import { formatMac } from '../../../wire/addresses.ts';
import type { EngineVersion } from '../../engine-version.ts';
import type { Daemon } from '../daemon.ts';
import { instantText } from '../instants.ts';
import { portText } from '../requests.ts';
import type { StandaloneContainer } from '../standalone-container.ts';
import { hostConfigJson } from './host-config.ts';
import { type Json, sortedObject } from './json.ts';
import { madeUpId } from './made-up-id.ts';
import { networkSettingsJson } from './network-settings.ts';

const FOLDER = '/var/lib/docker';

/** The first version that keeps images in containerd unless there were some before. */
const SNAPSHOTS_MAJOR = 29;

/** A container as the API shows it. */
export function containerJson(
  container: StandaloneContainer,
  daemon: Daemon,
): Record<string, Json> {
  const { request, id, name } = container;
  const owner = container.sharedWith ?? id;
  const folder = `${FOLDER}/containers/${owner}`;
  const [path = '', ...args] = request.command;
  const hasSnapshots = daemon.host.engine.major >= SNAPSHOTS_MAJOR;
  return {
    Id: id,
    Created: instantText(container.createdAtNs),
    Path: path,
    Args: args,
    State: stateJson(container),
    Image: `sha256:${madeUpId(`image ${request.image}`)}`,
    ResolvConfPath: `${folder}/resolv.conf`,
    HostnamePath: `${folder}/hostname`,
    HostsPath: `${folder}/hosts`,
    LogPath: `${FOLDER}/containers/${id}/${id}-json.log`,
    Name: `/${name}`,
    RestartCount: container.restartCount,
    Driver: hasSnapshots ? 'overlayfs' : 'overlay2',
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: null,
    HostConfig: hostConfigJson(container, daemon),
    ...(hasSnapshots
      ? { Storage: { RootFS: { Snapshot: { Name: 'overlayfs' } } } }
      : { GraphDriver: { Data: layersJson(container), Name: 'overlay2' } }),
    Mounts: [],
    Config: configJson(container, daemon.host.engine),
    NetworkSettings: networkSettingsJson(container, daemon.host.engine),
    ...(hasSnapshots ? { ImageManifestDescriptor: manifestJson(container) } : {}),
  };
}

function stateJson(container: StandaloneContainer): Json {
  const { isRunning, state } = container;
  return {
    Status: state,
    Running: isRunning || state === 'restarting',
    Paused: state === 'paused',
    Restarting: state === 'restarting',
    OOMKilled: false,
    Dead: false,
    Pid: container.pid,
    ExitCode: container.exitCode,
    Error: container.error,
    StartedAt: instantText(container.startedAtNs),
    FinishedAt: instantText(container.finishedAtNs),
    ...(container.health === undefined
      ? {}
      : { Health: { Status: container.health, FailingStreak: 0, Log: [] } }),
  };
}

function manifestJson({ request }: StandaloneContainer): Json {
  return {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: `sha256:${madeUpId(`manifest ${request.image}`)}`,
    size: 1024,
    platform: { architecture: 'amd64', os: 'linux' },
  };
}

function layersJson({ id, request }: StandaloneContainer): Json {
  const layer = `${FOLDER}/overlay2/${madeUpId(`layer ${id}`)}`;
  const below = `${FOLDER}/overlay2/${madeUpId(`layer ${request.image}`)}/diff`;
  return {
    LowerDir: `${layer}-init/diff:${below}`,
    MergedDir: `${layer}/merged`,
    UpperDir: `${layer}/diff`,
    WorkDir: `${layer}/work`,
  };
}

function configJson(container: StandaloneContainer, engine: EngineVersion): Json {
  const { request, exposed } = container;
  const { mac, environment, command } = request;
  const ports = sortedObject(exposed.map((port) => [portText(port), {}] as const));
  return {
    Hostname: container.hostname,
    Domainname: request.domainName,
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    ...(exposed.length === 0 ? {} : { ExposedPorts: ports }),
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: environment.length === 0 ? null : environment,
    Cmd: command.length === 0 ? null : command,
    Image: request.image,
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    ...(mac === undefined || engine.major >= 25 ? {} : { MacAddress: formatMac(mac) }),
    ...(engine.major >= SNAPSHOTS_MAJOR ? {} : { OnBuild: null }),
    Labels: sortedObject(request.labels),
  };
}
