export function SystemView() {
  return <div class="view" />;
}
