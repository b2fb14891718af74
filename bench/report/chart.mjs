import { configurationsOf, rowOf, TITLES } from './tables.mjs';

const [WIDTH, LABEL_WIDTH, ROW, TOP] = [1_000, 360, 19, 62];
const COLOURS = { ours: '#0f766e', peers: '#94a3b8', limits: '#cbd5e1' };
const PANELS = Object.keys(TITLES).flatMap((platform) =>
  [4, 64].map((connections) => ({ platform, connections })),
);

/** Requests per second as a fraction of no auth, a bar for each configuration in each panel, as an SVG. */
export function drawChart({ http, rounds }) {
  const rows = configurationsOf(http).filter(({ name }) => name !== 'none');
  const panel = (WIDTH - LABEL_WIDTH - 20) / PANELS.length;
  const height = TOP + rows.length * ROW + 16;
  const text = (x, y, content, more = '') => `<text x="${x}" y="${y}" ${more}>${escape(content)}</text>`;
  const bold = 'font-weight="bold"';
  const title = `Requests per second as a fraction of no auth (medians of ${rounds} rounds)`;
  const parts = [text(8, 20, title, bold)];
  rows.forEach(({ label }, index) =>
    parts.push(text(LABEL_WIDTH - 8, TOP + index * ROW + 11, plain(label), 'text-anchor="end"')),
  );
  PANELS.forEach((where, column) => {
    const left = LABEL_WIDTH + column * panel;
    parts.push(text(left, 46, `${TITLES[where.platform]}, ${where.connections} connections`, bold));
    rows.forEach(({ name }, index) => {
      const value = rowOf(http, name, where)?.fraction.median;
      if (value === undefined) return;
      const y = TOP + index * ROW;
      const width = Math.max(1, Math.min(1.1, value) * (panel - 50)).toFixed(1);
      parts.push(
        `<rect x="${left}" y="${y}" width="${width}" height="${ROW - 5}" fill="${colourOf(name)}"/>`,
      );
      parts.push(text((left + Number(width) + 5).toFixed(1), y + 11, value.toFixed(2)));
    });
  });
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" font-family="system-ui, sans-serif" font-size="11.5" fill="#1e293b">`,
    `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n');
}

function colourOf(name) {
  if (name.startsWith('latchkey')) return COLOURS.ours;
  return name.endsWith('+throttler') ? COLOURS.limits : COLOURS.peers;
}

const plain = (label) => label.replaceAll(/[*`]/g, '');
const escape = (text) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');
