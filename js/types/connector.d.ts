// What a connector in JavaScript gets and gives: docs/CONNECTORS.md says what each answer promises.

import { Document, Id, Json, Path } from '../index';

/** What the backend can do for a collection; what is left out is as with the plainest. What is declared must hold. */
export interface Capability {
  feed?: 'commits' | { timestamps: { precision_ms: number; overlap_ms: number } } | { listing: 'single' | 'cursor' | 'keyset' | 'offset' };
  deletes?: 'feed' | 'soft' | 'absent';
  /** Whether a write can carry a precondition. */
  conditional?: boolean;
  idempotency?: { replays: { remembers_ms: number } } | { refuses: { remembers_ms: number } } | 'mark' | 'client_ids' | 'none';
  ids?: 'client' | 'server';
  versions?: 'ordered' | 'equality';
  stale_reads?: boolean;
  answers?: 'image' | 'version' | 'nothing';
  stamps?: 'fields' | 'record' | { arrival: { precision_ms: number } } | 'none';
  batch_items_max?: number;
  atomic?: boolean;
  partial_update?: boolean;
  /** Whether records can be read by id, with evidence for `gone`. */
  fetch?: boolean;
  equality?: { instants?: boolean; absent_is_null?: boolean; unordered?: boolean };
  server_fields?: Path[];
}

export type Image = { present: Document } | 'absent' | 'gone';

/** A record as the server has it. */
export interface Remote {
  image: Image;
  version?: string | null;
  stamp?: string | null;
}

export interface PullRequest {
  feed: string;
  collections: string[];
  /** The place of the last page; null at the beginning. */
  checkpoint: string | null;
  snapshot?: boolean;
  items_max: number;
  bytes_max: number;
}

export type Item =
  | { upsert: { collection: string; id: Id; document: Document; version?: string | null; stamp?: string | null; schema?: number } }
  | { tombstone: { collection: string; id: Id; version?: string | null; stamp?: string | null } }
  | { out_of_scope: { collection: string; id: Id } }
  | { bad: { collection: string | null; id: Id | null; text: string; reason: string } };

export interface Page {
  items: Item[];
  /** The place after the last item. */
  checkpoint?: string | null;
  /** Never by a short page: by a total, a null `next`, an empty page, or because all comes at once. */
  end: 'more' | { complete: { total?: number | null } };
  /** How many rows follow this page, where the backend tells: for `progress`. */
  left?: number | null;
  epoch?: { epoch: string; history?: [string, number][] } | null;
  server_time_ms?: number | null;
}

export type Change = { create: Document } | { patch: { set?: { [path: string]: Json }; unset?: Path[] } } | { replace: Document } | 'delete';

export interface PushItem {
  /** The mutation's key; it stands for exactly this content. */
  id: string;
  collection: string;
  record: Id;
  change: Change;
  /** The whole document afterwards; null for a delete. */
  document: Document | null;
  precondition: { version: string } | 'absent' | 'none';
  stamps: unknown;
  group: string | null;
  schema: number;
}

export type Verdict =
  | { accepted: { id?: Id; version?: string | null; image?: Image | null; stamp?: string | null; schema?: number } }
  | { conflict: { remote: Remote | null } }
  | { rejected: { reason: string } }
  | { deferred: { after_ms: number } }
  | 'returned' | 'outdated' | 'out_of_scope' | 'unknown';

export type Verdicts = [mutation: string, verdict: Verdict][];

/** Records by id, or by the marks that their creates left. */
export type Wanted = { ids: [collection: string, id: Id][]; marks?: undefined } | { marks: [collection: string, mutation: string][]; ids?: undefined };

export type Found = [collection: string, id: Id, found: { image: Remote } | 'unknown'][];

export interface HttpRequest {
  method?: string;
  url: string;
  headers?: [name: string, value: string][];
  body?: Uint8Array | string | null;
  timeoutMs?: number;
  answerBytesMax?: number;
}

export interface HttpAnswer {
  status: number;
  /** Names in lower case. */
  headers: [name: string, value: string][];
  body: Uint8Array;
  /** The body as a text. */
  text(): string;
}

/** What a connector gets beside what it is asked. */
export interface ConnectorContext {
  url: string;
  /** The connector's own `options`. */
  options: { [name: string]: any };
  token: string | null;
  /** Sends a request, and fails with a `ConnectorError` when no answer comes. */
  http(request: HttpRequest): Promise<HttpAnswer>;
}

/** What a connector throws; without a `kind` it is tried again. */
export interface ConnectorError extends Error {
  kind?: 'offline' | 'credentials' | 'wrong_account' | 'too_large' | 'not_this_protocol' | 'upgrade_required'
    | { retry: { after_ms: number | null } } | { expired_checkpoint: { epoch: { epoch: string; history?: [string, number][] } | null } };
  /** Nothing was carried out, for certain. */
  notSent?: boolean;
}

export {};

type Answer<T> = T | Promise<T>;

/** A connector of the app's own. `npx ti.sync certify` tries it on its backend. */
export interface Connector {
  /** What the backend can do beyond the plainest. */
  capability?: Capability;
  /** The same for single collections. */
  collections?: { [collection: string]: Capability };
  /** Whether all collections are pulled together, with one checkpoint. */
  oneFeed?: boolean;
  pull(request: PullRequest, context: ConnectorContext): Answer<Page>;
  /** A write without a verdict is settled later by a look at its record. */
  push(batch: PushItem[], context: ConnectorContext): Answer<Verdicts | { verdicts: Verdicts; epoch?: string | null }>;
  fetch(wanted: Wanted, context: ConnectorContext): Answer<Found | { found: Found; marked?: [string, { record: { id: Id; remote: Remote } } | 'nowhere'][] }>;
  probe(context: ConnectorContext): Answer<unknown>;
}
