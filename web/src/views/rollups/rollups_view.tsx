export function RollupsView() {
  return <div class="view" />;
}
