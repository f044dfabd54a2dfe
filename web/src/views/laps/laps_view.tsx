export function LapsView() {
  return <div class="view" />;
}
