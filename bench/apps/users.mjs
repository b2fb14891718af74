/** The user ids that load comes from; no more than fast-jwt's cache holds tokens, which is its best case. */
export function userIds(count, kind = 'user') {
  return Array.from({ length: count }, (_, index) => `${kind}-${String(index + 1).padStart(4, '0')}`);
}

/** What a login tells about the device, as a browser's short form is. */
export const DEVICE = { name: 'Work laptop', userAgent: 'Firefox 141 on Linux', ip: '203.0.113.7' };
