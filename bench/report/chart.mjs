import { byConfiguration, TITLES } from './tables.mjs';

const WIDTH = 920;
const LABEL_WIDTH = 400;
const ROW = 19;
const TOP = 62;
const COLOURS = { ours: '#0f766e', peers: '#94a3b8', limits: '#cbd5e1' };
const PLATFORMS = ['express', 'fastify'];

/** Requests per second as a fraction of no auth, a bar for each configuration on each platform, as an SVG. */
export function drawChart({ http, rounds }) {
  const rows = byConfiguration(http).filter(({ name }) => name !== 'none');
  const panel = (WIDTH - LABEL_WIDTH - 20) / PLATFORMS.length;
  const height = TOP + rows.length * ROW + 16;
  const text = (x, y, content, more = '') => `<text x="${x}" y="${y}" ${more}>${escape(content)}</text>`;
  const parts = [
    text(
      8,
      20,
      `Requests per second as a fraction of no auth (medians of ${rounds} rounds)`,
      'font-weight="bold"',
    ),
  ];
  PLATFORMS.forEach((platform, column) => {
    const left = LABEL_WIDTH + column * panel;
    const scale = panel - 50;
    parts.push(text(left, 46, TITLES[platform], 'font-weight="bold"'));
    rows.forEach((row, index) => {
      const y = TOP + index * ROW;
      if (column === 0) parts.push(text(LABEL_WIDTH - 8, y + 11, plain(row.label), 'text-anchor="end"'));
      const value = row[platform]?.fraction.median;
      if (value === undefined) return;
      const width = Math.max(1, Math.min(1.1, value) * scale).toFixed(1);
      parts.push(
        `<rect x="${left}" y="${y}" width="${width}" height="${ROW - 5}" fill="${colourOf(row.name)}"/>`,
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
