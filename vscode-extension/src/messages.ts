// What Unmask adds to the language server protocol, as lsp_server/server/messages.py defines it.
// Types and names only: no behaviour, and nothing of VS Code, so that tests can read them.

export const INFILL = 'unmask/infill';
export const PAUSE = 'unmask/pause';
export const RESUME = 'unmask/resume';
export const MODELS = 'unmask/models';
export const STATUS = 'unmask/status';
export const LATENCY = 'unmask/latency';
export const CURSOR = 'unmask/cursor';

export type State = 'loading' | 'ready' | 'paused' | 'off' | 'error';

export interface Model {
  name: string;
  family: string;
  parameters: number;
  device: string;
  precision: string;
  loadMs: number;
}

export interface Status {
  state: State;
  /** One line for a person; empty when there is nothing to say. */
  message: string;
  /** 0 to 1 while a model loads, whether another serves or not. */
  progress?: number;
  model?: Model;
}

/** A model to choose from. */
export interface ModelListing {
  name: string;
  family: string;
  /** 0 where its folder cannot be understood. */
  parameters: number;
  /** Bytes, while it loads. */
  memory: number;
  precision: string;
  licence: string;
  /** What it knows of what follows a hole: all, as far as its prompt says it, or nothing. */
  suffix: 'seen' | 'prompt' | 'unseen';
  /** In the memory that is free now. */
  fits: boolean;
  /** It serves now. */
  inUse: boolean;
  /** Why it cannot be loaded now. */
  problem?: string;
}

export interface Forwards {
  prefill: number;
  verify: number;
  canvas: number;
}

/** What the last answer cost; sent just before the answer itself. */
export interface Latency {
  method: string;
  /** What it is the answer to: document, place (for an infill its start), and why it was asked. */
  uri?: string;
  position?: Position;
  trigger?: 'invoked' | 'automatic';
  version: number;
  /** From the arrival of the request to its answer. */
  ms: number;
  offered: boolean;
  /** The reason in words, for a person. */
  message: string;
  forwards: Forwards;
  tokens: number;
  /** Where something was decoded. */
  tokensPerForward?: number;
  /** Answered without a forward, as the rest of an earlier answer. */
  cached: boolean;
  /** Of the prompt. */
  cachedTokens: number;
  /** Over the answers offered lately, this one included. */
  p50?: number;
  p95?: number;
  model: string;
  device: string;
  precision: string;
  span?: string;
}

interface Position {
  line: number;
  character: number;
}

export interface Infill {
  /** Replaces `range` of `version`; null when there is nothing to offer. */
  text: string | null;
  range: { start: Position; end: Position };
  /** The reason in words. */
  message: string;
  version: number | null;
}
