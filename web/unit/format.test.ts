import { describe, expect, test } from 'vitest';
import { bytes, delta, duration, fixed, lapTime, name, percent } from '../src/model/format';
import { eventMs, FeedClock } from '../src/model/time';

test.each([[100.966, '1:40.966'], [59.9996, '1:00.000'], [3723.4, '1:02:03.400'], [0, '0:00.000'], [null, '–'], [NaN, '–']])('lap time %s is %s', (seconds, text) => {
  expect(lapTime(seconds)).toBe(text);
});

test.each([[0.259, '+0.259'], [-0.031, '−0.031'], [-0.0001, '0.000'], [0, '0.000'], [undefined, '–']])('delta %s is %s', (seconds, text) => {
  expect(delta(seconds)).toBe(text);
});

test('what is not whole never looks like it, and what is lost never like nothing', () => {
  expect(percent(0.99999)).toBe('99.9 %');
  expect(percent(0.00001)).toBe('< 0.1 %');
  expect(percent(1)).toBe('100.0 %');
  expect(percent(0)).toBe('0.0 %');
});

test('numbers keep their decimals', () => {
  expect(fixed(-0.0001, 2)).toBe('0.00');
  expect(fixed(-1.005, 1)).toBe('−1.0');
  expect(bytes(1536)).toBe('1.50 KiB');
  expect(bytes(12)).toBe('12 B');
  expect([3, 89, 240, 7800, 270_000].map(duration)).toEqual(['3 s', '89 s', '4 min', '2 h 10 min', '3 d 3 h']);
});

test('a name turns nothing around it', () => {
  expect(name('\u202eab\u0000c\u2066')).toBe('\ufffdab\ufffdc\ufffd');
  expect(name('Ångström 🏎️')).toBe('Ångström 🏎️');
});

describe('event times', () => {
  test.each([
    ['2026-01-02T03:04:05Z', 1767323045000], ['2026-01-02T03:04:05.250', 1767323045250], ['2026-01-02T04:04:05+01:00', 1767323045000],
    [1767323045, 1767323045000], [1767323045250, 1767323045250], [1767323045250000, 1767323045250], [1767323045250000000, 1767323045250],
  ])('%s', (time, ms) => {
    expect(eventMs(time)).toBeCloseTo(ms, 3);
  });

  test('the feed’s clock goes by the newest word, whatever the viewer’s own says', () => {
    const clock = new FeedClock();
    expect(clock.at(0)).toBeNaN();
    clock.hear(5_000_000, 1000);
    clock.hear(4_999_000, 1100); // a late point holds nothing up
    expect(clock.at(1500)).toBe(5_000_500);
    clock.hear(4_000_000, 9000); // a feed that begins anew is followed
    expect(clock.at(9100)).toBe(4_000_100);
  });
});
