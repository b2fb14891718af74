// Over 250 lines: a row for each script.
import type { KeyName } from '../records/keys.js';
import { SCRIPT_SOURCES } from './script-sources.js';

/** What a script takes besides its keys, by name; the order is the script's business. */
export type ScriptArgument = string | number | Buffer;

/** One Lua script: its keys and arguments in the order in which its file's header names them. */
export interface Script<Argument extends string = string> {
  readonly name: keyof typeof SCRIPT_SOURCES;
  readonly sha1: string;
  readonly lua: string;
  readonly keys: readonly KeyName[];
  readonly args: readonly Argument[];
}

/** The arguments of a script, each under its name; the events' channel is the same for all. */
export type ArgumentsOf<S> =
  S extends Script<infer Argument> ? Readonly<Record<Exclude<Argument, 'channel'>, ScriptArgument>> : never;

function script<Argument extends string>(
  name: keyof typeof SCRIPT_SOURCES,
  keys: readonly KeyName[],
  args: readonly Argument[],
): Script<Argument> {
  return { name, ...SCRIPT_SOURCES[name], keys, args };
}

const AUDIT_KEYS = ['acts', 'routine', 'denials', 'pending', 'lastId', 'dropped'] as const;
const AUDIT_ACT = ['action', 'actor', 'target', 'ip', 'details', 'routine'] as const;
const BLOCK = ['block', 'blockReason', 'blockUntil', 'blockBy'] as const;
const AUDIT_LIMITS = ['retentionMs', 'maxActs', 'maxRoutine', 'maxDenials', 'abandonedAfterMs'] as const;

/** Every script. A test compares these names with the headers of *.lua. */
export const SCRIPTS = {
  authenticate: script(
    'authenticate',
    ['user', 'data'],
    [
      'sessionId',
      'tokenHash',
      'clientIp',
      'refusedRoles',
      'touchIfRoles',
      'withData',
      'touchIntervalMs',
      'rememberEndedMs',
      'maxStateAgeMs',
      'roleLifetimes',
      'lease',
    ],
  ),
  announceNearCache: script('announce-near-cache', ['near'], ['leaseMs', 'forMs']),
  recallLeases: script('recall-leases', ['leased'], ['subject', 'channel']),
  giveBackLeases: script('give-back-leases', ['leased'], ['holder', 'fill']),
  createSession: script(
    'create-session',
    ['user', 'data'],
    [
      'userId',
      'sessionId',
      'tokenHash',
      'device',
      'inactivityTimeoutMs',
      'absoluteTimeoutMs',
      'traits',
      'ifEpoch',
      'newEpoch',
      'maxSessions',
      'onSessionLimit',
      'rememberEndedMs',
      'maxEndedSessions',
      'maxStateAgeMs',
      'roleLifetimes',
      'data',
      'familyHash',
      'refreshHash',
      'accessTokenTtlMs',
      'isGuest',
      'channel',
    ],
  ),
  quota: script('quota', ['quota'], ['emissionUs', 'burst', 'cost', 'receipt', 'receiptMs']),
  quotaBack: script('quota-back', ['quota'], ['operation', 'emissionUs', 'burst', 'cost', 'receipt']),
  userQuota: script('user-quota', ['user'], ['field', 'emissionUs', 'burst', 'cost']),
  userQuotaBack: script('user-quota-back', ['user'], ['field', 'operation', 'emissionUs', 'burst', 'cost']),
  throttle: script('throttle', ['throttle'], ['ttlUs', 'limit', 'blockUs']),
  listSessions: script('list-sessions', ['user'], []),
  revokeSession: script(
    'revoke-session',
    ['user', 'data'],
    ['sessionId', 'reason', 'rememberEndedMs', 'roleLifetimes', 'channel'],
  ),
  revokeAll: script(
    'revoke-all',
    ['user'],
    ['exceptSessionId', 'exceptTokenHash', 'roleLifetimes', 'channel'],
  ),
  replaceToken: script(
    'replace-token',
    ['user', 'data'],
    [
      'sessionId',
      'tokenHash',
      'newTokenHash',
      'ifEpoch',
      'reauthenticated',
      'assurance',
      'revokeOthers',
      'roleLifetimes',
      'familyHash',
      'refreshHash',
      'accessTokenTtlMs',
      'channel',
    ],
  ),
  refresh: script(
    'refresh',
    ['user', 'data'],
    [
      'sessionId',
      'familyHash',
      'refreshHash',
      'salt',
      'newRefreshHash',
      'newTokenHash',
      'accessTokenTtlMs',
      'graceMs',
      'userAgent',
      'ip',
      'rememberEndedMs',
      'maxStateAgeMs',
      'roleLifetimes',
      'channel',
    ],
  ),
  sweepSessions: script(
    'sweep-sessions',
    ['user', 'data'],
    ['rememberEndedMs', 'maxEndedSessions', 'roleLifetimes'],
  ),
  readData: script('read-data', ['user', 'data'], ['sessionId', 'tokenHash', 'roleLifetimes']),
  writeData: script(
    'write-data',
    ['user', 'data'],
    [
      'sessionId',
      'tokenHash',
      'ifVersion',
      'payload',
      'isSameContent',
      'roleLifetimes',
      'endReason',
      'channel',
    ],
  ),
  dataAlone: script(
    'data-alone',
    ['data'],
    ['operation', 'sessionId', 'ifVersion', 'payload', 'isSameContent', 'keepUntil', 'keepForMs', 'beginsAt'],
  ),
  restoreUser: script(
    'restore-user',
    ['user'],
    [
      'userId',
      'version',
      'epoch',
      'roles',
      ...BLOCK,
      'ipAllowlist',
      'sourceVersion',
      'newEpoch',
      'isTimed',
      'channel',
    ],
  ),
  readUser: script('read-user', ['user'], ['maxStateAgeMs']),
  makeUser: script(
    'make-user',
    ['user'],
    ['userId', 'roles', ...BLOCK, 'sourceVersion', 'ipAllowlist', 'newEpoch', 'isTimed'],
  ),
  changeUser: script(
    'change-user',
    ['user'],
    [
      'userId',
      'ifVersion',
      'roles',
      ...BLOCK,
      'sourceVersion',
      'isWhole',
      'ipAllowlist',
      'roleLifetimes',
      'channel',
    ],
  ),
  eraseUser: script('erase-user', ['user'], ['roleLifetimes', 'madeBefore', 'channel']),
  eraseKey: script('erase-key', ['data'], []),
  exportUser: script('export-user', ['user'], []),
  exportData: script('export-data', ['data'], []),
  exportOneTimeTokens: script('export-one-time-tokens', ['once'], []),
  beginLoad: script('begin-load', ['user'], ['nonce', 'forMs']),
  beginReload: script('begin-reload', ['user'], ['nonce', 'forMs']),
  finishLoad: script(
    'finish-load',
    ['user'],
    ['nonce', 'userId', 'roles', ...BLOCK, 'sourceVersion', 'ipAllowlist', 'newEpoch', 'channel'],
  ),
  issueOneTimeToken: script(
    'issue-one-time-token',
    ['once', 'user'],
    [
      'subject',
      'tokenId',
      'tokenHash',
      'purpose',
      'ttlMs',
      'data',
      'replaceOlder',
      'ifEpoch',
      'maxPerPurpose',
      'maxPerSubject',
      'epoch',
    ],
  ),
  consumeOneTimeToken: script(
    'consume-one-time-token',
    ['once', 'user'],
    ['tokenId', 'tokenHash', 'revokeAll', 'channel'],
  ),
  settleOneTimeToken: script('settle-one-time-token', ['user'], ['subject', 'epoch', 'revokeAll', 'channel']),
  revokeOneTimeTokens: script('revoke-one-time-tokens', ['once', 'user'], ['purpose', 'epoch']),
  readIpLists: script('read-ip-lists', [], ['lease']),
  reaffirmUser: script('reaffirm-user', ['user'], ['version', 'epoch', 'endedSession']),
  reaffirmIpList: script('reaffirm-ip-list', ['ipList'], ['version']),
  writeIpList: script('write-ip-list', ['ipList'], ['name', 'ranges', 'ifVersion', 'channel']),
  restoreIpList: script('restore-ip-list', ['ipList'], ['name', 'version', 'ranges', 'channel']),
  auditAppend: script('audit-append', AUDIT_KEYS, [
    'outcome',
    'action',
    'actor',
    'target',
    'ip',
    'details',
    'routine',
    ...AUDIT_LIMITS,
  ]),
  auditBegin: script('audit-begin', ['pending'], [...AUDIT_ACT]),
  auditBeginWhenFull: script('audit-begin-when-full', ['pending', 'whenFull'], [...AUDIT_ACT, 'most']),
  auditSettle: script('audit-settle', AUDIT_KEYS, [
    'pendingId',
    'outcome',
    'actor',
    'details',
    ...AUDIT_LIMITS,
  ]),
  auditRead: script('audit-read', AUDIT_KEYS, ['limit', 'before', 'userId', 'scan', ...AUDIT_LIMITS]),
  meetServer: script('meet-server', ['servers'], ['identity']),
  registerNode: script('register-node', ['nodes', 'missed'], ['nodeId', 'forMs']),
  removeNode: script('remove-node', ['nodes'], ['nodeId']),
  confirmAct: script('confirm-act', ['confirmations'], ['nodeId', 'connectionsClosed', 'forMs']),
  missAct: script('miss-act', ['missed'], ['nodeId', 'forMs']),
  readConfirmations: script('read-confirmations', ['nodes', 'confirmations'], ['forMs']),
} as const;
