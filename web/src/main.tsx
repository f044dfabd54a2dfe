import { render } from 'preact';
import { overlayAt } from './overlay/overlay';
import { followRaces } from './data/race';
import { applyTheme } from './state/settings';
import { followAddress, route } from './state/url';
import { Shell } from './ui/shell';
import { listenForShortcuts } from './ui/shortcuts';
import { views } from './views/views';

function Wall() {
  const { view } = route.value;
  return <Shell View={views[view]} name={view === 'map' ? 'live' : view} />;
}

followAddress();
const root = document.getElementById('app')!;
const overlay = overlayAt(location.pathname);
if (overlay) {
  document.documentElement.classList.add('overlay');
  followRaces();
  render(overlay, root);
} else {
  applyTheme();
  followRaces();
  listenForShortcuts();
  render(<Wall />, root);
}
