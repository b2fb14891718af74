/** Closes an app that may have failed to start: Nest 11 then rejects once more with what stopped it. */
export async function closeUnstarted(app: { close(): Promise<void> } | undefined): Promise<void> {
  await app?.close().catch(() => undefined);
}
