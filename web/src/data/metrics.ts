/** Histograms out of `/metrics` (Prometheus' text format), as far as the page shows them. */

/** How many observations were at most so many seconds, by rising bounds; the last one is infinity. */
export interface Histogram { bounds: number[]; counts: number[] }

export function histogramsOf(text: string, names: readonly string[]): Map<string, Histogram> {
  const out = new Map<string, Histogram>();
  for (const line of text.split('\n')) {
    const found = /^(\w+)_bucket\{(?:.*,)?le="([^"]+)"[^}]*\} (\S+)/.exec(line);
    if (!found || !names.includes(found[1]!)) continue;
    const bound = found[2] === '+Inf' ? Infinity : Number(found[2]);
    const histogram = out.get(found[1]!) ?? { bounds: [], counts: [] };
    out.set(found[1]!, histogram);
    // Of several series with the same bounds the sum is told.
    const at = histogram.bounds.indexOf(bound);
    if (at < 0) {
      histogram.bounds.push(bound);
      histogram.counts.push(Number(found[3]));
    } else {
      histogram.counts[at]! += Number(found[3]);
    }
  }
  return out;
}

/** What came between two looks at a histogram. */
export function since(now: Histogram, before: Histogram | undefined): Histogram {
  if (!before || before.bounds.length !== now.bounds.length) return now;
  return { bounds: now.bounds, counts: now.counts.map((count, at) => count - before.counts[at]!) };
}

/** The bound that a share of the observations keep: no more than this is known of them. NaN without observations. */
export function bound(histogram: Histogram, share: number): number {
  const all = histogram.counts[histogram.counts.length - 1] ?? 0;
  if (all <= 0) return NaN;
  const at = histogram.counts.findIndex((count) => count >= all * share);
  return at < 0 ? NaN : histogram.bounds[at]!;
}
