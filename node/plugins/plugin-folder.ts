/**
 * Where a host's dockerd finds plugins that nobody installed with `docker plugin install`: sockets in
 * `/run/docker/plugins`, and files in `/etc/docker/plugins` and `/usr/lib/docker/plugins` that say
 * where to connect (moby `pkg/plugins/discovery.go`).
 */

/** One POST to a plugin. */
export interface PluginRequest {
  /** Behind the slash: `NetworkDriver.Join`. */
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON, or nothing. */
  readonly body: string;
}

/** What a plugin answers. */
export interface PluginResponse {
  readonly status: number;
  readonly body: string;
}

/** What became of one attempt: an answer, or what Go says when there is none. */
export type PluginAttempt = PluginResponse | { readonly error: string };

/** A process that answers on a plugin's socket; it may take its time, or never answer. */
export interface PluginServer {
  post(request: PluginRequest, reply: (attempt: PluginAttempt) => void): void;
}

/** A socket as a file: it stays when its process is gone. */
export class PluginSocket {
  #server: PluginServer | undefined;
  /** Requests that wait for their answers. */
  readonly #open = new Set<(attempt: PluginAttempt) => void>();

  constructor(server: PluginServer) {
    this.#server = server;
  }

  /** True while somebody listens. */
  get isListening(): boolean {
    return this.#server !== undefined;
  }

  /** The process listens again. */
  listen(server: PluginServer): void {
    this.#server = server;
  }

  /** The process is gone: whoever waits for an answer hears of it, and nobody connects. */
  close(): void {
    this.#server = undefined;
    for (const end of [...this.#open]) end({ error: 'EOF' });
  }

  /** Sends one request; false when nobody listens. */
  post(request: PluginRequest, onEnd: (attempt: PluginAttempt) => void): boolean {
    if (this.#server === undefined) return false;
    const end = (attempt: PluginAttempt) => {
      if (this.#open.delete(end)) onEnd(attempt);
    };
    this.#open.add(end);
    this.#server.post(request, end);
    return true;
  }
}

/** Where sockets are. */
const PLUGIN_SOCKETS_PATH = '/run/docker/plugins';
const SPECS_PATHS = ['/etc/docker/plugins', '/usr/lib/docker/plugins'];

/** The address of a plugin, or why the file that should say it does not. */
export type PluginLocation = { readonly address: string } | { readonly error: string };

/** The files of one host that lead to plugins. */
export class PluginFolder {
  readonly #sockets = new Map<string, PluginSocket>();
  readonly #specs = new Map<string, string>();

  /** Where the socket of a plugin with this name is looked for first. */
  static pathOf(name: string): string {
    return `${PLUGIN_SOCKETS_PATH}/${name}.sock`;
  }

  /** True for a host on which nobody has put a plugin. */
  get isEmpty(): boolean {
    return this.#sockets.size === 0 && this.#specs.size === 0;
  }

  /** Listens on a socket, which it makes where there is none. */
  listen(path: string, server: PluginServer): PluginSocket {
    const present = this.#sockets.get(path);
    if (present !== undefined) {
      present.listen(server);
      return present;
    }
    const socket = new PluginSocket(server);
    this.#sockets.set(path, socket);
    return socket;
  }

  /** The socket at a path. */
  socketAt(path: string): PluginSocket | undefined {
    return this.#sockets.get(path);
  }

  /** Deletes a socket's file; its process goes on, and nobody finds it. */
  removeSocket(path: string): void {
    this.#sockets.delete(path);
  }

  /** Writes a file such as `/etc/docker/plugins/weave.spec`. */
  writeSpec(path: string, text: string): void {
    this.#specs.set(path, text);
  }

  /** Finds a plugin by its name; `undefined` when there is none (`LocalRegistry.Plugin`). */
  find(name: string): PluginLocation | undefined {
    for (const path of pathsOf(PLUGIN_SOCKETS_PATH, name, '.sock')) {
      if (this.#sockets.has(path)) return { address: `unix://${path}` };
    }
    for (const folder of SPECS_PATHS) {
      for (const extension of ['.spec', '.json'] as const) {
        for (const path of pathsOf(folder, name, extension)) {
          const text = this.#specs.get(path);
          if (text === undefined) continue;
          return extension === '.json' ? readJson(text) : readSpec(text);
        }
      }
    }
    return undefined;
  }
}

function pathsOf(folder: string, name: string, extension: string): string[] {
  return [`${folder}/${name}${extension}`, `${folder}/${name}/${name}${extension}`];
}

/** One line with an address that has a scheme. */
function readSpec(text: string): PluginLocation {
  const address = text.trim();
  return /^[a-z][a-z0-9+.-]*:/i.test(address) ? { address } : { error: 'Unknown protocol' };
}

/** `{"Name": …, "Addr": …, "TLSConfig": …}`; the name is that of the file all the same. */
function readJson(text: string): PluginLocation {
  try {
    const value = JSON.parse(text) as { Addr?: unknown };
    return { address: typeof value.Addr === 'string' ? value.Addr : '' };
  } catch {
    return { error: 'unexpected EOF' };
  }
}
