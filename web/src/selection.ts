const COLORS = ['#e4572e', '#2e86ab', '#3fa34d', '#a23b72', '#d19a1b', '#5d5fef', '#17a398', '#8d6a4f'];
const BY_DEFAULT = 3;

/** Which cars the trace shows, each with a color of its own while it is chosen. */
export class Selection {
  private readonly chosen = new Map<string, string>();
  private touched = false;

  toggle(chassis: string): void {
    this.touched = true;
    if (!this.chosen.delete(chassis)) this.choose(chassis);
  }

  /** Until somebody chooses, the first cars are. */
  offer(chassis: Iterable<string>): void {
    if (this.touched || this.chosen.size >= BY_DEFAULT) return;
    for (const name of chassis) {
      if (this.chosen.size >= BY_DEFAULT) return;
      if (!this.chosen.has(name)) this.choose(name);
    }
  }

  color(chassis: string): string | undefined {
    return this.chosen.get(chassis);
  }

  entries(): [string, string][] {
    return [...this.chosen];
  }

  private choose(chassis: string): void {
    const used = new Set(this.chosen.values());
    const free = COLORS.find((color) => !used.has(color));
    if (free) this.chosen.set(chassis, free);
  }
}
