import type { FunctionComponent } from 'preact';
import type { View } from '../state/url';
import { CompareView } from './compare/compare_view';
import { LapsView } from './laps/laps_view';
import { LiveView } from './live/live_view';
import { RollupsView } from './rollups/rollups_view';
import { SessionsView } from './sessions/sessions_view';
import { SystemView } from './system/system_view';

export const views: Record<View, FunctionComponent> = {
  live: LiveView, map: LiveView, laps: LapsView, compare: CompareView, sessions: SessionsView, rollups: RollupsView, system: SystemView,
};
