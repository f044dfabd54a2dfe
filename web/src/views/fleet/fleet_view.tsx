/** Machines that tell neither laps nor distances. */
export function FleetView() {
  return <div class="view" />;
}
