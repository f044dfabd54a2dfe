import { computed } from '@preact/signals';
import { defaultTrack, standings } from '../data/race';
import type { Standings } from '../model/messages';

const asked = new URLSearchParams(typeof location === 'undefined' ? '' : location.search);

/** The order that an overlay shows: of the track it was asked for, else of the one that was heard of last. */
export const shownOrder = computed<Standings | undefined>(() => standings.value.get(asked.get('track') ?? defaultTrack.value ?? ''));

/** The car that an overlay is about: the one it was asked for, else the leader. */
export const shownCar = computed<string | undefined>(() => asked.get('chassis') ?? shownOrder.value?.cars[0]?.chassis);
