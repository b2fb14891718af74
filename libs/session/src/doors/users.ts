/**
 * Types of what `UserStateService.export()` and `erase()` take and give.
 * @module @latchkey/session/users
 */
export type {
  ErasureReport,
  ExportedSession,
  KeptAfterErasure,
  UserExport,
  UserExportOptions,
} from '../services/users/user-export.js';
export type { KeptOneTimeToken, KeptQuota } from '../storage/contract/user-repository.js';
