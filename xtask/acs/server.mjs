// A real `tisync serve` for one file of tests, and the real clients of npm.
//
// TISYNC names the binary, ACS_CLIENTS the folder with node_modules; `cargo xtask acs` sets both.
import {spawn, spawnSync} from 'node:child_process';
import {mkdtempSync, rmSync} from 'node:fs';
import {createRequire} from 'node:module';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {createInterface} from 'node:readline';

export const KEY = 'APPKEY123';
export const OAUTH = {key: 'OAKEY', secret: 'OA&SECRET'};
export const ADMIN = {login: 'boss', password: 'correct-horse'};

/** Loads a client as an app does. */
export function client(name) {
  return createRequire(join(wanted('ACS_CLIENTS'), 'package.json'))(name);
}

/** Starts a server on a free port of this machine, with an empty file. */
export async function serve() {
  const folder = mkdtempSync(join(tmpdir(), 'tisync-acs-'));
  const options = ['serve', '--json', '--listen', '127.0.0.1:0', '--acs-key', KEY,
    '--acs-oauth-key', OAUTH.key, '--acs-oauth-secret-env', 'OAUTH_SECRET',
    '--acs-admin', ADMIN.login, '--acs-admin-password-env', 'ADMIN_PASSWORD'];
  const env = {...process.env, OAUTH_SECRET: OAUTH.secret, ADMIN_PASSWORD: ADMIN.password};
  const process_ = spawn(wanted('TISYNC'), options, {cwd: folder, env, stdio: ['ignore', 'pipe', 'inherit']});
  const ended = new Promise((resolve) => process_.once('exit', resolve));
  const first = new Promise((resolve) => createInterface(process_.stdout).once('line', resolve));
  const line = await Promise.race([first, ended]);
  if (typeof line !== 'string') {
    throw new Error(`tisync serve ended with ${line} instead of listening`);
  }
  const url = JSON.parse(line).listening;
  return {
    url,
    host: url.replace('http://', ''),
    folder,
    /** Runs a command of the command line; gives back what it printed. */
    tisync(...words) {
      const ran = spawnSync(process.env.TISYNC, words, {cwd: folder, encoding: 'utf8'});
      if (ran.status !== 0) {
        throw new Error(`tisync ${words.join(' ')}: exit ${ran.status}\n${ran.stdout}${ran.stderr}`);
      }
      return ran.stdout;
    },
    async stop() {
      process_.kill();
      await ended;
      rmSync(folder, {recursive: true, force: true});
    },
  };
}

/** Sends a request as it is; the query, unless it is whole, gets the key. */
export async function raw(server, verb, path, {query = {}, ...options} = {}) {
  const address = `${server.url}${path}?${new URLSearchParams({key: KEY, ...query})}`;
  const response = await fetch(address, {method: verb, ...options});
  const text = await response.text();
  return {status: response.status, headers: response.headers, text, body: JSON.parse(text)};
}

function wanted(name) {
  const value = process.env[name];
  if (!value) {
    throw new Error(`${name} is not set: run \`cargo xtask acs\``);
  }
  return value;
}
