// The core for any host: `ti.sync/core`. js/README.md says what a host brings.

import { Config, Replica as Opened, TiSyncError } from '../index';

/** The database of a host. */
export interface Database {
  /** Runs statements without values or rows. */
  exec(sql: string): void;
  prepare(sql: string): {
    /** Gives how many rows changed. */
    run(values: (null | number | bigint | string)[]): number;
    all(values: (null | number | bigint | string)[]): unknown[][];
    /** The names; after `all`. */
    columns(): string[];
    close?(): void;
  };
  errorKind(error: unknown): 'busy' | 'full' | 'io' | 'corrupt' | 'misuse';
}

export interface HostRequest {
  method: string;
  url: string;
  headers: [name: string, value: string][];
  body: Uint8Array | null;
  timeoutMs: number;
  answerBytesMax: number;
}

export type HostAnswer =
  | { status: number; headers: [name: string, value: string][]; body: Uint8Array }
  | { status?: undefined; kind: 'not_sent' | 'broken' | 'timeout' | 'too_large' | 'refused'; message: string };

/** What a host brings. Everything answers at once, save `http` and `later`. */
export interface Host {
  database: Database;
  instantiate(imports: { tisync: { host: Function } }): any;
  wallMs(): number;
  monotonicMs(): number;
  /** 32 fresh random bytes as 64 hexadecimal digits. */
  entropy(): string;
  http(request: HostRequest, done: (answer: HostAnswer) => void): () => void;
  /** Sends a request and passes its answer on, piece by piece; without it, changes come by polls. */
  stream?(
    request: { method: string; url: string; headers: [name: string, value: string][]; silenceMs: number; pieceBytesMax: number },
    on: {
      opened(head: { status: number; headers: [name: string, value: string][] }): void;
      piece(bytes: Uint8Array): void;
      ended(failure: { kind: 'not_sent' | 'broken' | 'timeout' | 'too_large' | 'refused'; message: string } | null): void;
    }
  ): () => void;
  later(ms: number, call: () => void): () => void;
  sliceMs: number;
  sizes?: { slice_items?: number; page_items?: number };
  text?: {
    size(text: string): number;
    write(text: string, bytes: Uint8Array, at: number, size: number): number;
    read(bytes: Uint8Array, from: number, to: number): string;
  };
  takeLease?(): boolean;
  watchNetwork?(tell: (online: boolean) => void): () => void;
  close?(): void;
}

/** A replica on a host of your own. */
export class Replica extends Opened {
  constructor(host: Host, config: Config);
}

export { TiSyncError };
