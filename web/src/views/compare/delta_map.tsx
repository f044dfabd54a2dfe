import { useEffect, useRef } from 'preact/hooks';
import { TrackMap, type MapDot } from '../../charts/track_map';
import { delta } from '../../model/format';
import type { TrackLine } from '../../model/messages';
import { settings } from '../../state/settings';
import { colourOf } from '../../ui/colours';
import { Panel, Swatch } from '../../ui/parts';
import type { MiniSector } from './corners';

/** Where on the track which lap was the fastest, in the laps' colours, and where the cursor is. */
export function DeltaMap(props: {
  line: TrackLine | undefined; pieces: MiniSector[]; ids: string[]; at: number | null; lines: { key: string; label: string; colour: string }[];
}) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const map = useRef<TrackMap | undefined>(undefined);
  const latest = useRef(props);
  latest.current = props;

  const draw = () => {
    const { pieces, at } = latest.current;
    const shown = map.current;
    if (!shown) return;
    const dots: MapDot[] = [];
    const place = at === null ? undefined : shown.placeOf(at);
    if (place) dots.push({ key: 'cursor', label: '', x: place[0], y: place[1], colour: '--text' });
    shown.draw(dots, pieces.filter((piece) => piece.fastest !== undefined)
      .map((piece) => ({ fromM: piece.fromM, toM: piece.toM, colour: colourOf(piece.fastest!) })));
  };
  useEffect(() => {
    map.current = new TrackMap(canvas.current!, () => draw());
    return () => map.current?.destroy();
  }, []);
  useEffect(() => {
    map.current?.setLine(props.line);
    draw();
  }, [props.line, settings.value.theme]);
  useEffect(draw, [props.pieces, props.at]);

  const won = props.lines.map((_, lap) => props.pieces.filter((piece) => piece.fastest === lap).length);
  return (
    <Panel title="Where the time goes" class="delta-map" tools={<><span class="grow" /><span class="chips muted">
      {props.lines.map((line, lap) => <span key={line.key} title={`${line.label} was the fastest in ${won[lap]} of ${props.pieces.length} pieces of the lap`}><Swatch colour={line.colour} /> {won[lap]}</span>)}
    </span></>}>
      <div class="map">
        <canvas ref={canvas} role="img" aria-label="The track, coloured by which lap was the fastest" />
        {props.line?.frame === 'none' && <p class="map-note muted">Nobody tells positions here, so there is no map.</p>}
      </div>
      <ol class="pieces" aria-label="Pieces of the lap, by who was faster">
        {props.pieces.map((piece, index) => (
          <li key={index} style={piece.fastest === undefined ? {} : { '--swatch': `var(${colourOf(piece.fastest)})` }}
            title={`${Math.round(piece.fromM)} to ${Math.round(piece.toM)} m: ${piece.lostS.slice(1).map((seconds) => `${delta(seconds)} s`).join(', ')}`}>
            <span class="visually-hidden">{Math.round(piece.fromM)} m: {piece.lostS.slice(1).map((seconds) => delta(seconds)).join(', ')} s</span>
          </li>
        ))}
      </ol>
    </Panel>
  );
}
