/** Colours of cars and laps, by their place in the choice: they can be told apart by the colour-blind, in both themes. */
export const MOST_CARS = 8;

export function colourOf(index: number): string {
  return `--c${(index % MOST_CARS) + 1}`;
}
