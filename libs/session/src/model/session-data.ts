/** What a repository keeps of a session's data: it never looks into the payload. */
export interface StoredData {
  /** Grows with every change; 0 stands for data that nobody has written. */
  readonly version: number;
  /** JSON text, or what a key sealed; empty with version 0. */
  readonly payload: Buffer;
}

/** What JSON can say. @publicApi */
export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;

/** A JSON object. @publicApi */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}
