import { useEffect, useState } from 'preact/hooks';

/** Calls `draw` with the display, at most every `everyMs`, while the component is shown. It does not run in the background. */
export function useFrames(draw: (now: number) => void, inputs: readonly unknown[], everyMs = 0): void {
  useEffect(() => {
    let last = -Infinity;
    let frame = requestAnimationFrame(function next(now) {
      // A frame that comes a little early is not waited for once more.
      if (now - last >= everyMs - 4) {
        last = now;
        draw(now);
      }
      frame = requestAnimationFrame(next);
    });
    return () => cancelAnimationFrame(frame);
  }, inputs);
}

/** Renders the component anew every so many ms, while `on`. */
export function useTicks(everyMs: number, on = true): void {
  const [, setTurn] = useState(0);
  useEffect(() => {
    if (!on) return undefined;
    const timer = setInterval(() => {
      if (!document.hidden) setTurn((turn) => turn + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, on]);
}
