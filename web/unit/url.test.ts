import { describe, expect, test } from 'vitest';
import { formatRoute, listOf, listText, parseRoute } from '../src/state/url';
import { splitToken } from '../src/state/token';

describe('the address', () => {
  test('names a view, what is behind it, and its choices', () => {
    const route = parseRoute('#/laps/s123?cars=a%2Cb,c&order=time');
    expect(route).toMatchObject({ view: 'laps', rest: 's123' });
    expect(listOf(route.params.get('cars'))).toEqual(['a,b', 'c']);
    expect(formatRoute(route)).toBe('#/laps/s123?cars=a%2Cb,c&order=time');
  });

  test.each(['', '#', '#/', '#/nobody', '#nonsense', '#/live?%E0%A4%A'])('%j is the live view', (hash) => {
    expect(parseRoute(hash).view).toBe('live');
  });

  test.each([[[]], [['a']], [['a,b', '&=?#', '%', 'Ångström 🏎️']]])('lists come back as they went: %j', (names) => {
    expect(listOf(listText(names))).toEqual(names);
  });
});

describe('a token in the address', () => {
  test.each([
    ['#token=abc', '', 'abc'],
    ['#token=a%2Bb%2Fc', '', 'a+b/c'],
    ['#/live&token=abc', '#/live', 'abc'],
    ['#/live?token=abc', '#/live', 'abc'],
    ['#/live?cars=a&token=abc', '#/live?cars=a', 'abc'],
    ['#/live?token=abc&cars=a', '#/live?cars=a', 'abc'],
    ['#/live?cars=a&token=abc&by=time', '#/live?cars=a&by=time', 'abc'],
    ['#/live?mytoken=abc', '#/live?mytoken=abc', undefined],
    ['#/live', '#/live', undefined],
    ['', '', undefined],
  ])('%s leaves %s', (hash, rest, token) => {
    expect(splitToken(hash)).toEqual({ hash: rest, token });
  });
});
