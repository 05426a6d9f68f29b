import { Connector } from './types/connector';
import { Health, JournalRow, NetworkState, OpenConflict, OutboxEntry, FeedKey, Planned, Progress, Report, Why } from './types/report';

export * from './types/connector';
export * from './types/report';

/** A value of JSON. */
export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
/** A record's document, without its id. */
export type Document = { [name: string]: Json };
/** The id of a record; it may change once, when the server makes it. The old one keeps resolving. */
export type Id = string;
/** A field: a JSON Pointer, such as `/address/city`. */
export type Path = string;

/** Why a call failed. Nothing has changed. */
export class TiSyncError extends Error {
  /** For a program. */
  kind:
    | 'not_found' | 'already_exists' | 'invalid' | 'limit' | 'bad_config' | 'wrong_account' | 'pending' | 'lease_elsewhere'
    | 'offline' | 'credentials' | 'backend' | 'not_this_protocol' | 'upgrade_required' | 'busy' | 'storage' | 'corrupt'
    | 'encryption_key' | 'newer' | 'closed' | 'broken';
}

/** A record as the app sees it. */
export interface Visible<T = Document> {
  id: Id;
  document: T;
  /** How it stands to the server. */
  state: 'clean' | 'dirty' | 'provisional' | 'unconfirmed' | 'tombstone';
  version: string | null;
}

export type Filter =
  | 'all'
  | { eq: [Path, Json] } | { ne: [Path, Json] } | { lt: [Path, Json] } | { le: [Path, Json] } | { gt: [Path, Json] } | { ge: [Path, Json] }
  | { in: [Path, Json[]] } | { prefix: [Path, string] } | { is_null: Path }
  | { and: Filter[] } | { or: Filter[] } | { not: Filter };

export interface Query {
  filter?: Filter;
  order?: { path: Path; descending?: boolean }[];
  limit?: number;
  offset?: number;
  /** Only those behind this record in the order. */
  after?: [Id, Document];
}

export type Policy = 'client-wins' | 'server-wins' | 'latest-timestamp-wins' | 'merge' | 'manual' | `function:${string}`;
export type FieldRule = 'client' | 'server' | 'latest' | 'counter' | 'set' | 'max' | 'min' | 'text' | 'manual' | `function:${string}`;
export type ColumnKind = 'text' | 'integer' | 'real' | 'boolean';

export interface CollectionConfig {
  /** Who wins. */
  policy: Policy;
  deletes?: 'edit-wins' | 'delete-wins' | 'client-wins' | 'server-wins' | 'latest-timestamp-wins' | 'manual';
  fallback?: 'client' | 'server' | 'latest' | 'manual';
  /** Rules of single fields, for `merge`. */
  fields?: { [path: string]: FieldRule };
  /** Typed columns by name, for filters and SQL. */
  columns?: { [name: string]: ColumnKind | { kind: ColumnKind; path?: Path; indexed?: boolean } };
  /** Fields that hold the id of a record in another collection. */
  references?: { [path: string]: { collection: string; nullable?: boolean } };
  /** Fields that only the server writes. */
  server_fields?: Path[];
  /** The number of this schema; it rises when documents get another shape. */
  schema?: number;
  migrations?: { to: number; rename?: { [from: string]: string }; drop?: string[]; default?: { [field: string]: Json } }[];
  /** The connector, where there are several; `none` keeps the collection on this device. */
  connector?: string;
}

/** A token, with whose it is where the app knows. */
export type Token = string | { token: string; account?: string };
/** Gives a token; `again` says that the last one was refused. */
export type TokenProvider = (connector: string, again: boolean) => Token | Promise<Token>;

export interface ConnectorConfig {
  /** What it speaks: `native` (the default), `rest`, `couchdb`, `kinto`, `acs`. */
  kind?: string;
  url: string;
  /** What only this kind understands: see docs/connectors/. */
  options?: { [name: string]: Json };
  token?: Token;
  credentials?: TokenProvider;
  pollMs?: number;
  /** Whether a backend is listened to that says when something changed; by default yes. */
  hints?: boolean;
  movedFrom?: string;
  /** A connector of the app's own. */
  use?: Connector;
}

/** What a policy function is asked about: a whole record, or a field where `path` is given. */
export interface Dispute {
  collection: string;
  id: Id;
  path?: Path;
  base: any;
  ours: any;
  theirs: any;
}

export interface Config {
  /** The address of a server that speaks the native protocol; short for a connector named `main`. */
  server?: string;
  connectors?: { [name: string]: ConnectorConfig };
  collections: { [name: string]: CollectionConfig };
  /** Whose data this is, where several accounts are used on one device. */
  account?: string;
  token?: Token;
  credentials?: TokenProvider;
  /** Functions of the policies `function:NAME`: "ours", "theirs", "delete" or a document; of a field, its value. */
  policies?: { [name: string]: (dispute: Dispute) => any };
  /** Brings a document of an older schema forward, or throws why it cannot. */
  migrate?: { [collection: string]: (document: Document, from: number, to: number) => Document };
  /** Which SQLite: the name of a package, or `{name, module}`. */
  sqlite?: 'better-sqlite3' | 'node:sqlite' | 'node-sqlite3-wasm' | { name: string; module: unknown };
  /**
   * What a write survives once the call has returned: `power_cut` (the default) waits for the disk; with `process` a power cut may
   * take the last writes, never a part of one. What is handed to a backend is durable first, as ever.
   */
  writeDurability?: 'power_cut' | 'process';
  /** Milliseconds of work before others have their turn; 30 by default. */
  sliceMs?: number;
}

/** Collects writes that are made in one transaction. */
export interface Writer {
  insert(collection: string, document: Document, id?: Id): void;
  put(collection: string, id: Id, document: Document): void;
  update(collection: string, id: Id, document: Document): void;
  patch(collection: string, id: Id, fields: { [field: string]: Json | undefined }): void;
  remove(collection: string, id: Id): void;
}

export interface Written {
  collection: string;
  id: Id;
  mutation: string | null;
  group: string | null;
}

/** The records of one name; `replica.collection(name)` gives it. */
export interface Collection<T = Document> {
  readonly name: string;
  get(id: Id): Visible<T> | null;
  query(query?: Query): Visible<T>[];
  count(query?: Query): number;
  /** Makes a record and gives its id; without one, an id is drawn. */
  insert(document: T, id?: Id): Id;
  put(id: Id, document: T): Id;
  update(id: Id, document: T): Id;
  /** Changes fields by name, or by path where it begins with a slash; undefined takes one away. */
  patch(id: Id, fields: { [field: string]: Json | undefined }): Id;
  remove(id: Id): Id;
  /** Calls back now and after each change that may touch the query; gives a function that ends it. */
  watch(query: Query, listener: (found: Visible<T>[]) => void): () => void;
  watch(listener: (found: Visible<T>[]) => void): () => void;
}

/** One device's local database. Reads and writes answer at once and need no network. */
export class Replica {
  /** `open` makes one. */
  protected constructor(host: never, config: never);
  /** What each collection that syncs is promised. */
  readonly guarantees: { [collection: string]: string };
  collection<T = Document>(name: string): Collection<T>;
  group(fill: (writer: Writer) => void): Written[];
  bulk(fill: (writer: Writer) => void): Written[];
  sql(sql: string, values?: Json[]): { columns: string[]; rows: Json[][]; more: boolean };
  sync(): Promise<Report>;
  start(): void;
  stop(): void;
  close(): void;
  on(name: 'change', listener: (change: { collection: string; records: [Id, 'added' | 'updated' | 'removed'][]; remote: boolean }) => void): () => void;
  on(name: 'conflict', listener: (conflict: { collection: string; id: Id; open: boolean }) => void): () => void;
  on(name: 'mapped', listener: (mapped: { collection: string; former: Id; id: Id }) => void): () => void;
  on(name: 'parked', listener: (parked: { collection: string; id: Id; reason: string }) => void): () => void;
  on(name: 'trouble', listener: (error: TiSyncError) => void): () => void;
  on(name: 'network', listener: (network: { connector: string; state: NetworkState }) => void): () => void;
  on(name: 'journalled', listener: (journalled: { collection: string; id: Id; row: number }) => void): () => void;
  on(name: 'mended', listener: (mended: { collection: string; ids: Id[] }) => void): () => void;
  /** How far a pull is: after each part of it that is stored. */
  on(name: 'progress', listener: (progress: Progress) => void): () => void;
  on(name: 'lease', listener: (lease: { held: boolean }) => void): () => void;
  /** The state of sync changed: read `health()`. */
  on(name: 'health', listener: () => void): () => void;
  /** What waits, since when, and why. */
  health(): Health;
  /** What a sync would do, as far as this replica can know. */
  plan(limit?: number): Planned[];
  /** A record's history. */
  why(collection: string, id: Id): Why;
  conflicts(limit?: number): OpenConflict[];
  resolve(collection: string, id: Id, what: 'ours' | 'theirs' | 'delete' | Document): void;
  journal(options?: { collection?: string; id?: Id; before?: number; limit?: number }): JournalRow[];
  undo(row: number): void;
  outbox(options?: { waiting?: boolean; after?: number; limit?: number }): OutboxEntry[];
  retry(mutation: string): void;
  edit(mutation: string, document: Document): void;
  discard(mutation: string): void;
  network(online: boolean): void;
  /** Takes a configuration with more collections or connectors in it; what is under way goes on. What was declared before is named again. */
  declare(config: Config): void;
  hint(connector?: string): void;
  /** Answers the blocker `shrink_confirmation` of a feed of `health()`: whether the missing records may go. */
  confirmShrink(feed: FeedKey, remove: boolean): void;
  /** Walks a feed from the beginning again. */
  resync(feed: FeedKey): void;
  setToken(connector: string, token: Token): void;
  /**
   * Ends the session. A function saves what is pending, as the text of a lifeboat file, before it is given up; it writes nothing to the
   * replica.
   */
  logOut(pending?: 'keep' | 'discard' | ((lifeboat: string) => void | boolean)): number;
  logIn(): void;
  /** Everything that is pending, as the text of a lifeboat file; nothing changes. */
  lifeboat(): string;
  /** Brings the pending writes of a lifeboat file back, each once. */
  bringBack(lifeboat: string): Returned;
}

/** What became of the writes of a lifeboat file. */
export interface Returned {
  /** Writes that are in the outbox again. */
  back: number;
  /** Writes among them that are parked, since what they stand on was lost: retry or discard them. */
  parked: number;
  /** Writes that came back before. */
  already: number;
  /** Writes that wait in the file until more was pulled. */
  waiting: number;
  /** Lines of the file that are damaged, and were left out. */
  damaged_lines: number[];
  /** Whether the end of the file is missing. */
  is_cut: boolean;
}

/** Opens the replica in a file, and makes the file if it is not there. */
export function open(file: string, config: Config): Replica;

/** A `sync` for Backbone models and collections of one collection of the replica; it answers before it returns. */
export type BackboneSync = (
  method: 'create' | 'read' | 'update' | 'patch' | 'delete' | string,
  target: any,
  options?: { success?: (response: any) => void; error?: (error: TiSyncError) => void; query?: Query; attrs?: any; [option: string]: any }
) => Promise<any>;

/** How a model stands to the server. */
export interface ModelState {
  /** Null where there is no such record. */
  state: Visible['state'] | null;
  version: string | null;
  conflict: OpenConflict | null;
  /** Entries of the outbox that are held or parked. */
  waiting: OutboxEntry[];
}

export interface OfflineBackbone {
  /** Makes a `sync` for the records of a collection; with `live`, Backbone collections are bound when they are fetched. */
  (collection: string, options?: { live?: boolean }): BackboneSync;
  /** What changes in the replica arrives at this collection or model from now on; gives a function that ends it. */
  bind(target: any): () => void;
  /** Ends what `bind` began; without a target, for all. */
  unbind(target?: any): void;
  state(model: any): ModelState;
}

/** Backbone (0.9.2 to 1.6) on a replica. `Backbone.sync` stays as it is. */
export function backbone(Backbone: any, replica: Replica): OfflineBackbone;
