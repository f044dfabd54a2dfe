import { render } from 'preact';
import { overlayAt } from './overlay/overlay';
import { followRaces } from './data/race';
import { applyTheme } from './state/settings';
import { followAddress, route } from './state/url';
import { helpOpen, Shell } from './ui/shell';
import { listenForShortcuts } from './ui/shortcuts';
import { views } from './views/views';

function Wall() {
  const { view } = route.value;
  const Shown = views[view];
  return <Shell><Shown key={view === 'map' ? 'live' : view} /></Shell>;
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
  document.addEventListener('keydown', (event) => {
    if (event.key === '?' && !(event.target instanceof HTMLInputElement)) helpOpen.value = true;
  });
  render(<Wall />, root);
}
