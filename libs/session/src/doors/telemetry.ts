/**
 * What happens in a `SessionModule`, by `node:diagnostics_channel`: for metrics, traces and logs of your own.
 * @module @latchkey/session/telemetry
 */
export { onTelemetry, type TelemetryChannel } from '../telemetry/channels.js';
export type {
  ActMessage,
  ActName,
  CheckContextName,
  CheckMessage,
  ConnectionsMessage,
  FailedTokenMessage,
  QuotaRefusalMessage,
  RedisCallMessage,
  SessionEnd,
  SessionsMessage,
  StorageMessage,
  TelemetryMessage,
  TelemetryMessages,
} from '../telemetry/messages.js';
export type { Realm } from '../telemetry/realm.js';
