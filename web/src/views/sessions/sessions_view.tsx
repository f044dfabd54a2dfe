export function SessionsView() {
  return <div class="view" />;
}
