/**
 * What dockerd answers instead of doing what it was asked: an HTTP status and the sentence that the
 * `docker` command prints behind `Error response from daemon: ` (moby `errdefs`).
 */

/** A request that dockerd refuses. */
export class Refusal {
  readonly status: number;
  readonly message: string;

  constructor(status: number, message: string) {
    this.status = status;
    this.message = message;
  }
}

/** 400: the request makes no sense. */
export function invalid(message: string): Refusal {
  return new Refusal(400, message);
}

/** 403: not allowed as things are. */
export function forbidden(message: string): Refusal {
  return new Refusal(403, message);
}

/** 404: there is no such thing. */
export function notFound(message: string): Refusal {
  return new Refusal(404, message);
}

/** 409: it clashes with what is there. */
export function conflict(message: string): Refusal {
  return new Refusal(409, message);
}

/** 500: dockerd tried, and something did not work. */
export function failure(message: string): Refusal {
  return new Refusal(500, message);
}

/** A refusal as `docker` prints it. */
export function responseOf({ message }: Refusal): string {
  return `Error response from daemon: ${message}`;
}
