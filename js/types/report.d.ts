// What a replica tells of itself.

import { Document, Id } from '../index';
import { Change, Image } from './connector';

/** Why an entry is pending but not sent. */
export type Blocker =
  | 'offline' | 'credentials' | 'conflict' | 'parked_ancestor' | 'unmapped_reference' | 'group' | 'shrink_confirmation' | 'stopped'
  | 'no_connector' | 'lease_elsewhere' | 'storage' | 'epoch' | 'upgrade_required';

/** How far requests to a backend get. */
export interface NetworkState {
  reach: 'unknown' | 'online' | 'offline' | 'captive_portal' | 'unreachable';
  since_ms: number;
  why: string | null;
}

/** How far the pull of a collection is. A pull that brings nothing new is not told of. */
export interface Progress {
  collection: string;
  /** Rows of the backend that were stored since the collection was last complete. */
  stored: number;
  /** How many that will be; null as long as the backend does not say so. */
  total: number | null;
  /** Whether this was the last part. */
  complete: boolean;
}

/** A feed of a connector. */
export interface FeedKey {
  connector: string;
  feed: string;
}

/** What waits, since when, and why. Times are milliseconds since 1970, but for `next_ms`: until then. */
export interface Health {
  outbox: { pending: number; in_flight: number; unknown: number; held: number; parked: number };
  oldest_pending_ms: number | null;
  conflicts: number;
  quarantined: number;
  logged_out_ms: number | null;
  connectors: {
    connector: string;
    blocker: Blocker | null;
    next_ms: number | null;
    attempts: number;
    busy: boolean;
    network: NetworkState;
    listening: boolean;
    last_error: string | null;
    skew_ms: number;
    guarantees: [collection: string, guarantee: string][];
  }[];
  feeds: {
    feed: FeedKey;
    behind: boolean;
    last_ok_ms: number | null;
    complete_ms: number | null;
    next_ms: number | null;
    shrink: { missing: number; total: number; probing: boolean; confirmed: boolean; since_ms: number } | null;
    last_error: string | null;
    verified: { at_ms: number | null; comparing: boolean; last: unknown } | null;
  }[];
  blockers: { blocker: Blocker; entries: number; oldest_ms: number }[];
}

/** What a sync did. */
export interface Report {
  pulled: number;
  pushed: number;
  conflicts: number;
  requests: number;
  health: Health;
}

/** What a sync would do to a record. */
export interface Planned {
  collection: string;
  id: Id;
  action: string;
  note: string | null;
}

/** A durable decision. */
export interface JournalRow {
  id: number;
  at_ms: number;
  collection: string;
  rid: number;
  record: Id;
  situation: string;
  policy: string;
  base: Image;
  ours: Image;
  theirs: Image;
  outcome: Image;
  loser: 'none' | 'ours' | 'theirs' | 'both';
  mutation: string | null;
  /** The mutations whose writes were decided upon. */
  decided: string[];
  state: 'decided' | 'settled' | 'void';
  undoes: number | null;
  schema: number;
}

/** A write that the server has not accepted yet. */
export interface OutboxEntry {
  seq: number;
  /** The mutation: for `retry`, `edit` and `discard`. */
  id: string;
  collection: string;
  rid: number;
  record: Id;
  change: Change;
  stamps: unknown;
  group: string | null;
  schema: number;
  replaces: string | null;
  undoes: number | null;
  frozen: unknown;
  state: 'pending' | { in_flight: unknown } | { unknown: unknown } | { held: Blocker } | { parked: { reason: string; at_ms: number } };
  created_ms: number;
}

/** A record's history, as far as this replica knows it. */
export interface Why {
  record: unknown;
  dirty: unknown;
  entries: Omit<OutboxEntry, 'record'>[];
  waits: { blocker: Blocker | null; next_ms: number | null; last_error: string | null } | null;
  conflict: unknown;
  journal: JournalRow[];
  aliases: Id[];
}

export interface OpenConflict {
  collection: string;
  id: Id;
  base: Document | null;
  ours: Document | null;
  theirs: Document | null;
  since_ms: number;
}
