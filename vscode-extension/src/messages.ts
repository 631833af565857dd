// The messages that Unmask adds to the language server protocol, as defined in
// lsp_server/server/messages.py. Does not use VS Code, so that tests can import it.

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
  /** 0 to 1 while a model loads, also while another serves. */
  progress?: number;
  model?: Model;
}

/** A model to choose from. */
export interface ModelListing {
  name: string;
  family: string;
  /** 0 if its folder cannot be read. */
  parameters: number;
  /** Bytes; the peak while loading. */
  memory: number;
  precision: string;
  licence: string;
  /** How it knows the text after a hole: seen after the canvas, in its prompt, or not at all. */
  suffix: 'seen' | 'prompt' | 'unseen';
  /** Whether it fits into the memory that is free now. */
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

/** What a completion or infill cost; sent just before the response to its request. */
export interface Latency {
  method: string;
  /** The request: document, position (for an infill its start), and trigger. */
  uri?: string;
  position?: Position;
  trigger?: 'invoked' | 'automatic';
  version: number;
  /** Milliseconds from the arrival of the request to its response. */
  ms: number;
  offered: boolean;
  /** The reason in words, for a person. */
  message: string;
  forwards: Forwards;
  tokens: number;
  /** Absent if nothing was decoded. */
  tokensPerForward?: number;
  /** Answered without a forward, as the rest of an earlier answer. */
  cached: boolean;
  /** Prompt tokens that were in the KV cache. */
  cachedTokens: number;
  /** In milliseconds, over the last offered completions, this one included. */
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
