// The texts of the status bar item: label, tooltip and accessible text. Pure functions.

import type { Latency, State, Status } from './messages.ts';

/** The state that the status bar shows. */
export interface View {
  status: Status;
  /** The cost of the last request with a text. */
  offered?: Latency;
  /** The cost of the last request, with or without a text. */
  last?: Latency;
  /** Milliseconds of the last request as the editor waited for it. */
  roundTrip?: number;
  /** The active document's language where completions are switched off for it. */
  offLanguage?: string;
}

const ICONS: Record<State, string> = {
  loading: '$(loading~spin)',
  ready: '$(zap)',
  paused: '$(debug-pause)',
  off: '$(circle-slash)',
  error: '$(error)',
};

export function stateOf(view: View): State {
  const { state } = view.status;
  return state === 'ready' && view.offLanguage ? 'off' : state;
}

/**
 * `$(zap) 84 ms`, or the product's name where there is no latency to show. While another model
 * loads, `$(zap) 84 ms $(loading~spin) 42%`; where it could not be loaded, with `$(warning)`.
 */
export function label(view: View): string {
  const state = stateOf(view);
  const { message, progress } = view.status;
  const share = progress === undefined ? '' : ` ${Math.floor(progress * 100)}%`;
  if (state === 'loading') {
    return `${ICONS.loading} Unmask${share}`;
  }
  if (state !== 'ready') {
    return `${ICONS[state]} Unmask`;
  }
  const icon = message && !share ? '$(warning)' : ICONS.ready;
  const cost = view.offered ? duration(view.offered.ms) : 'Unmask';
  return `${icon} ${cost}${share && ` ${ICONS.loading}${share}`}`;
}

/** The tooltip, in Markdown with theme icons and command links. */
export function tooltip(view: View): string {
  const state = stateOf(view);
  const lines = [`**Unmask** — ${explain(view, state)}`];
  const rows = measurements(view);
  if (rows.length > 0) {
    lines.push('', '| | |', '|:--|:--|', ...rows.map(([name, value]) => `| ${name} | ${value} |`));
  }
  lines.push('', `${remedy(state)} · [$(output) Log](command:unmask.showLog)`);
  return lines.join('\n');
}

/** The action offered in a state, as a command link. */
function remedy(state: State): string {
  switch (state) {
    case 'paused':
      return '[$(play) Resume](command:unmask.resume)';
    case 'error':
      return '[$(debug-restart) Restart Server](command:unmask.restart)';
    default:
      return '[$(debug-pause) Pause](command:unmask.pause)';
  }
}

/** For screen readers. */
export function spoken(view: View): string {
  const state = stateOf(view);
  if (state === 'ready' && view.offered) {
    const told = view.status.message && `; ${view.status.message}`;
    return `Unmask: the last completion took ${Math.round(view.offered.ms)} milliseconds${told}`;
  }
  return `Unmask: ${explain(view, state)}`;
}

/** A duration: `84 ms`, `1.2 s`. */
export function duration(ms: number): string {
  return ms < 9999.5 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(1)} s`;
}

function explain(view: View, state: State): string {
  if (state === 'off' && view.offLanguage) {
    return `off for ${view.offLanguage}`;
  }
  return escape(view.status.message || state);
}

function measurements({ status, offered, last, roundTrip }: View): [string, string][] {
  const rows: [string, string][] = [];
  if (offered) {
    const { forwards } = offered;
    const tokens = `${offered.tokens} token${offered.tokens === 1 ? '' : 's'}`;
    const cached = offered.cached ? ', from the cache' : '';
    rows.push(['Last completion', `${duration(offered.ms)}, ${tokens}${cached}`]);
    rows.push([
      'Forwards',
      `${forwards.prefill} prefill, ${forwards.verify} verify, ${forwards.canvas} canvas`,
    ]);
    if (offered.tokensPerForward !== undefined) {
      rows.push(['Tokens per forward', offered.tokensPerForward.toFixed(2)]);
    }
    if (offered.p50 !== undefined && offered.p95 !== undefined) {
      rows.push(['p50 / p95', `${duration(offered.p50)} / ${duration(offered.p95)}`]);
    }
    if (offered.span) {
      rows.push(['Span', escape(offered.span.replaceAll('_', ' '))]);
    }
  }
  if (last && !last.offered) {
    rows.push(['Nothing offered now', escape(last.message)]);
  }
  if (roundTrip !== undefined) {
    rows.push(['Editor waited', duration(roundTrip)]);
  }
  const model = status.model;
  const name = model ? `${model.name}: ${model.family}` : last?.model;
  if (name) {
    rows.push(['Model', escape(name)]);
  }
  const device = model?.device ?? last?.device;
  if (device) {
    rows.push(['Device', escape(`${device}, ${model?.precision ?? last?.precision}`)]);
  }
  return rows;
}

/** Escape text from the server, so that it cannot become Markdown, links or a table column. */
function escape(text: string): string {
  return text.replaceAll(/[\\`*_{}[\]()#+\-!|<>~$]/g, '\\$&').replaceAll(/\s+/g, ' ');
}
