/// <reference types="jest" />
import { type OpenContract, count, times } from './support.js';

/** Named lists of IP ranges. */
export function describeIpLists(open: OpenContract): void {
  const lists = async () => {
    const { ipLists } = (await open()).repository;
    const write = (cidrs: string[], ifVersion: number | 'absent' | 'any' = 'any', name = 'office') =>
      ipLists.write({ name, cidrs, ifVersion });
    const written = async (...args: Parameters<typeof write>): Promise<number> => {
      const outcome = await write(...args);
      if (outcome.outcome !== 'changed') throw new Error(`write answered ${outcome.outcome}`);
      return outcome.version;
    };
    return { ipLists, write, written };
  };

  describe('a named list', () => {
    it('is absent until it is written, and then as it was given, an empty one too', async () => {
      const { ipLists, written } = await lists();
      expect(await ipLists.read([{ name: 'office' }])).toEqual(['absent']);
      const cidrs = ['10.1.2.3/8', '2001:DB8::/32', '192.0.2.7'];
      const version = await written(cidrs);
      expect(await ipLists.read([{ name: 'office' }])).toEqual([{ cidrs, version }]);
      const emptied = await written([]);
      expect(await ipLists.read([{ name: 'office' }])).toEqual([{ cidrs: [], version: emptied }]);
      expect(emptied).toBeGreaterThan(version);
    });

    it('is told only to those who have another version, all lists in one answer', async () => {
      const { ipLists, written } = await lists();
      const office = await written(['::1']);
      const home = await written(['::2'], 'any', 'home:1.a_b-c');
      const news = await ipLists.read([
        { name: 'office', version: office },
        { name: 'none', version: office },
        { name: 'home:1.a_b-c', version: office + home },
        { name: 'home:1.a_b-c' },
      ]);
      expect(news).toEqual([
        'unchanged',
        'absent',
        { cidrs: ['::2'], version: home },
        { cidrs: ['::2'], version: home },
      ]);
    });

    it('is written over the version that the writer knows, or where there is none, by one of many', async () => {
      const { ipLists, write, written } = await lists();
      const made = await times(20, (i) => write([`192.0.2.${i}`], 'absent'));
      expect(count(made, 'changed')).toBe(1);
      const version = await written(['::1'], 'any');
      const changed = await times(20, (i) => write([`192.0.2.${i}`], version));
      expect(count(changed, 'changed')).toBe(1);
      expect(await ipLists.read([{ name: 'office' }])).toEqual(
        [
          {
            cidrs: [`192.0.2.${changed.findIndex(({ outcome }) => outcome === 'changed')}`],
            version: version + 1,
          },
        ].map((list) => ({ ...list, version: expect.any(Number) as number })),
      );
      expect(await write(['::3'], version)).toEqual({ outcome: 'version_conflict' });
      expect(await write(['::3'], 7)).toEqual({ outcome: 'version_conflict' });
    });
  });
}
