// A program that uses everything the package exports; types.test.js checks its types. It is not run.

import tisyncBackbone = require('ti.sync/backbone');
import { Host, Replica as HostReplica } from 'ti.sync/core';
import {
  backbone, BackboneSync, Blocker, Capability, Change, Collection, CollectionConfig, ColumnKind, Config, Connector, ConnectorConfig,
  ConnectorContext, ConnectorError, Dispute, Document, FeedKey, FieldRule, Filter, Found, Health, HttpAnswer, HttpRequest, Id, Image,
  Item, JournalRow, Json, ModelState, NetworkState, OfflineBackbone, open, OpenConflict, OutboxEntry, Page, Path, Planned, Policy, Progress,
  PullRequest, PushItem, Query, Remote, Replica, Report, Returned, TiSyncError, Token, TokenProvider, Verdict, Verdicts, Visible, Wanted, Why,
  Writer, Written
} from 'ti.sync';

// Objects of an app's own types are documents.
type Note = { title: string; stars: number; tags: string[]; due?: string };

const capability: Capability = { deletes: 'soft', feed: { listing: 'cursor' }, server_fields: ['/updated_at'] };

const connector: Connector = {
  capability,
  async pull(request: PullRequest, context: ConnectorContext): Promise<Page> {
    const asked: HttpRequest = { url: `${context.url}/${request.collections[0]}`, headers: [['accept', 'application/json']] };
    const answer: HttpAnswer = await context.http(asked);
    if (answer.status !== 200) {
      const error: ConnectorError = Object.assign(new Error(`status ${answer.status}`), { kind: { retry: { after_ms: 5000 } }, notSent: true });
      throw error;
    }
    const rows: { id: Id; title: string }[] = JSON.parse(answer.text());
    const items: Item[] = rows.map(({ id, ...document }) => ({ upsert: { collection: request.collections[0], id, document } }));
    return { items, checkpoint: null, end: { complete: { total: items.length } } };
  },
  push(batch: PushItem[]): Verdicts {
    return batch.map((item): [string, Verdict] => {
      const change: Change = item.change;
      const image: Image = item.document === null ? 'gone' : { present: item.document };
      return [item.id, change === 'delete' ? { accepted: {} } : { accepted: { image } }];
    });
  },
  fetch(wanted: Wanted): Found {
    const remote: Remote = { image: 'absent' };
    return (wanted.ids || []).map(([collection, id]) => [collection, id, { image: remote }]);
  },
  probe(context) {
    return context.http({ url: context.url, body: 'ping', timeoutMs: 1000 });
  }
};

const provider: TokenProvider = async (name, again): Promise<Token> => (again ? { token: 'newer', account: name } : 'first');
const kind: ColumnKind = 'integer';
const policy: Policy = 'merge';
const rule: FieldRule = 'function:highest';
const notes: CollectionConfig = { policy, fields: { '/stars': rule }, columns: { title: 'text', stars: { kind, path: '/stars', indexed: true } }, schema: 1 };
const main: ConnectorConfig = { url: 'https://api.example.org', use: connector, credentials: provider, pollMs: 5000 };
const config: Config = {
  connectors: { main },
  collections: { notes },
  policies: { highest: ({ ours, theirs, path }: Dispute) => (path === '/stars' ? Math.max(ours, theirs) : theirs) },
  migrate: { notes: (document: Document, from: number) => (from === 0 ? { ...document, stars: 0 } : document) }
};

const replica: Replica = open('notes.db', config);
const collection: Collection<Note> = replica.collection<Note>('notes');
const path: Path = '/stars';
const filter: Filter = { and: [{ ge: [path, 2] }, { not: { is_null: '/due' } }] };
const query: Query = { filter, order: [{ path, descending: true }], limit: 20 };

const id: Id = collection.insert({ title: 'Milk', stars: 2, tags: [] });
collection.put(id, { title: 'Milk', stars: 3, tags: ['shop'] });
collection.update(id, { title: 'Oat milk', stars: 3, tags: ['shop'] });
collection.patch(id, { stars: 4, due: undefined });
const found: Visible<Note>[] = collection.query(query);
const titles: string[] = found.map(({ document }) => document.title);
const one: Visible<Note> | null = collection.get(id);
const unwatch = collection.watch(query, (visible) => titles.push(visible[0].document.title));
collection.watch((visible) => console.log(visible.length, collection.count(), one && one.state, collection.name));
collection.remove(id);

const fill = (writer: Writer): void => {
  writer.insert('notes', { title: 'a' });
  writer.put('notes', 'n1', { title: 'b' });
  writer.patch('notes', 'n1', { title: 'c' });
  writer.update('notes', 'n1', { title: 'd' });
  writer.remove('notes', 'n1');
};
const written: Written[] = [...replica.group(fill), ...replica.bulk(fill)];
const cell: Json = replica.sql('SELECT title FROM notes WHERE stars > ?', [2]).rows[0][0];

replica.on('change', ({ records }) => records.forEach(([changed, what]) => console.log(changed, what === 'added')));
replica.on('conflict', (conflict) => conflict.open && replica.resolve('notes', conflict.id, 'ours'));
replica.on('mapped', ({ former, id: now }) => console.log(former, now));
replica.on('parked', ({ reason }) => console.log(reason.length));
replica.on('trouble', (error: TiSyncError) => console.log(error.kind === 'storage', error.message));
replica.on('network', ({ state }: { state: NetworkState }) => console.log(state.reach === 'online'));
replica.on('journalled', ({ row }) => replica.undo(row));
replica.on('progress', ({ collection, stored, total, complete }: Progress) => console.log(collection, total === null ? stored : stored / total, complete));
replica.on('mended', ({ ids }) => console.log(ids.length));
replica.on('lease', ({ held }) => console.log(held));
replica.on('health', () => console.log(replica.health().outbox.pending));

async function sync(): Promise<Report> {
  replica.start();
  const report = await replica.sync();
  replica.stop();
  return report;
}

function look(): (Health | Planned | Why | OpenConflict | JournalRow | OutboxEntry)[] {
  const health: Health = replica.health();
  const blockers: Blocker[] = health.blockers.map(({ blocker }) => blocker);
  const shrinking: FeedKey[] = health.feeds.filter(({ shrink }) => shrink).map(({ feed }) => feed);
  for (const feed of shrinking) replica.confirmShrink(feed, blockers.includes('shrink_confirmation'));
  health.feeds.forEach(({ feed }) => replica.resync(feed));
  const outbox: OutboxEntry[] = replica.outbox({ waiting: true, limit: 10 });
  for (const entry of outbox) {
    if (typeof entry.state === 'object' && 'parked' in entry.state) replica.edit(entry.id, { title: entry.state.parked.reason });
    else replica.retry(entry.id);
    replica.discard(entry.id);
  }
  return [health, ...replica.plan(10), replica.why('notes', id), ...replica.conflicts(), ...replica.journal({ collection: 'notes', id }), ...outbox];
}

const Backbone: any = null;
const offline: OfflineBackbone = backbone(Backbone, replica);
const modelSync: BackboneSync = offline('notes', { live: true });
const other: OfflineBackbone = tisyncBackbone(Backbone, replica);
const unbind = other.bind(null);
const state: ModelState = offline.state(null);
other.unbind();

replica.declare({ ...config, collections: { notes, drafts: { policy: 'client-wins', connector: 'none' } } });
replica.network(true);
replica.hint('main');
replica.setToken('main', { token: 'newest' });
const given: number = replica.logOut('keep');
const saved: string[] = [replica.lifeboat()];
const left: number = replica.logOut((lifeboat) => saved.push(lifeboat) > 0);
const back: Returned[] = saved.map((lifeboat) => replica.bringBack(lifeboat)).filter(({ waiting, is_cut }) => waiting || is_cut);
replica.logIn();
replica.close();

function elsewhere(host: Host): Replica {
  return new HostReplica(host, config);
}

// What must be refused.
// @ts-expect-error a policy that is none
const wrong: Policy = 'mine';
// @ts-expect-error a document of another shape
collection.put(id, { title: 1 });
// @ts-expect-error an event that is none
replica.on('changed', () => {});
// @ts-expect-error open makes replicas
new Replica();
// @ts-expect-error a verdict that is none
const verdict: Verdict = 'done';

export { cell, elsewhere, given, look, modelSync, state, sync, unbind, unwatch, verdict, written, wrong };
