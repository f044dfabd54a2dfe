import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { clock, name as shownName, percent, utc, whole } from '../model/format';
import type { ApiError } from '../net/api';
import { toast } from './toasts';

/** The small parts that all views are made of. */

export function Panel(props: {
  title: string; children: ComponentChildren; tools?: ComponentChildren; class?: string; testId?: string;
}) {
  return (
    <section class={`panel ${props.class ?? ''}`} aria-label={props.title} data-testid={props.testId}>
      <header>
        <h2>{props.title}</h2>
        {props.tools}
      </header>
      {props.children}
    </section>
  );
}

/** A part of a panel that scrolls: it can be reached by the keyboard, so that it can be scrolled by it. */
export function Scroll(props: { label: string; children: ComponentChildren; class?: string }) {
  return (
    <div class={`scroll ${props.class ?? ''}`} tabIndex={0} role="group" aria-label={props.label}>
      {props.children}
    </div>
  );
}

export function Chip(props: { on?: boolean; colour?: string; title?: string; onClick: () => void; children: ComponentChildren; testId?: string }) {
  return (
    <button type="button" class="chip" aria-pressed={props.on} title={props.title} onClick={props.onClick} data-testid={props.testId}>
      {props.colour && <Swatch colour={props.colour} />}
      {props.children}
    </button>
  );
}

/** `colour` is a token: `--c1`. */
export function Swatch(props: { colour: string }) {
  return <span class="swatch" style={{ '--swatch': `var(${props.colour})` }} aria-hidden="true" />;
}

export function Name(props: { text: string; class?: string }) {
  return <span class={`name ${props.class ?? ''}`} title={shownName(props.text)}>{shownName(props.text)}</span>;
}

export function Time(props: { ms: number; decimals?: number; class?: string }) {
  return <time class={props.class} dateTime={Number.isFinite(props.ms) ? new Date(props.ms).toISOString() : undefined} title={utc(props.ms)}>
    {clock(props.ms, props.decimals ?? 0)}
  </time>;
}

/** How many samples of what should have come are there; what is lost is said with how many. */
export function Truth(props: { received: number; lost: number; longestGapS?: number | undefined }) {
  const expected = props.received + props.lost;
  if (expected <= 0) return null;
  const tone = props.lost === 0 ? 'good' : props.lost / expected > 0.02 ? 'bad' : 'slow';
  const gap = props.longestGapS ? `, longest gap ${props.longestGapS.toFixed(2)} s` : '';
  return (
    <span class={`truth ${tone}`} title={`${whole(props.received)} of ${whole(expected)} samples, ${whole(props.lost)} lost${gap}`}>
      {percent(props.received / expected)}
    </span>
  );
}

/** What stands where nothing is to be shown yet: what it will be, and what to do for it. */
export function Empty(props: { title: string; children?: ComponentChildren; testId?: string }) {
  return <div class="empty" data-testid={props.testId}><b>{props.title}</b>{props.children}</div>;
}

export function Command(props: { text: string }) {
  return (
    <div class="command">
      <code tabIndex={0} role="group" aria-label="Command">{props.text}</code>
      <button type="button" onClick={() => void copy(props.text)}>Copy</button>
    </div>
  );
}

/** What was typed into a field of a form. */
export function formText(form: HTMLFormElement, field: string): string {
  const value = new FormData(form).get(field);
  return typeof value === 'string' ? value : '';
}

export async function copy(text: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toast('Copied');
  } catch {
    toast(`This browser does not let the page copy. It is: ${text}`);
  }
}

export function Problem(props: { error: ApiError | undefined; again?: () => void }) {
  if (!props.error) return null;
  return (
    <p class="problem" role="alert">
      {props.error.message} {props.again && <button type="button" onClick={props.again}>Try again</button>}
    </p>
  );
}

/** A list to choose from, below its button; closed by Escape, or by a click elsewhere. */
export function Menu(props: { label: ComponentChildren; title?: string; right?: boolean; children: ComponentChildren; testId?: string }) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  useEffect(() => {
    if (!open) return undefined;
    const elsewhere = (event: Event) => {
      if (!root.current?.contains(event.target as Node)) setOpen(false);
    };
    document.addEventListener('pointerdown', elsewhere);
    return () => document.removeEventListener('pointerdown', elsewhere);
  }, [open]);
  return (
    <div class={`menu ${props.right ? 'right' : ''}`} ref={root} onKeyDown={(event) => {
      if (event.key !== 'Escape' || !open) return;
      event.stopPropagation();
      setOpen(false);
      root.current?.querySelector('button')?.focus();
    }}>
      <button type="button" class="chip" aria-expanded={open} title={props.title} data-testid={props.testId} onClick={() => setOpen(!open)}>
        {props.label}
      </button>
      {open && <div class="list" role="group" aria-label={props.title}>{props.children}</div>}
    </div>
  );
}

export function Check(props: { on: boolean; onChange: (on: boolean) => void; children: ComponentChildren; disabled?: boolean }) {
  return (
    <label>
      <input type="checkbox" checked={props.on} disabled={props.disabled} onChange={(event) => props.onChange(event.currentTarget.checked)} />
      {props.children}
    </label>
  );
}

export function Radio(props: { name: string; on: boolean; onChange: () => void; children: ComponentChildren }) {
  return (
    <label>
      <input type="radio" name={props.name} checked={props.on} onChange={props.onChange} />
      {props.children}
    </label>
  );
}
