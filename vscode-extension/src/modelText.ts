// The entries of the list of models, and the effect of choosing one. Pure functions.

import type { ModelListing } from './messages.ts';

const SUFFIX: Record<ModelListing['suffix'], string> = {
  seen: 'sees what follows the cursor',
  prompt: 'is told what follows the cursor',
  unseen: 'does not see what follows the cursor',
};

/** A model as an entry of the list, with theme icons in the label. */
export function describe(model: ModelListing): {
  label: string;
  description: string;
  detail: string;
} {
  const problem = obstacle(model);
  const icon = model.inUse ? '$(check)' : problem ? '$(circle-slash)' : '$(blank)';
  const here = model.inUse ? 'in use' : problem ? `cannot run here: ${problem}` : 'runs here';
  const known = [
    `${gigabytes(model.memory)} of memory in ${model.precision}`,
    `licence ${model.licence}`,
    SUFFIX[model.suffix],
  ];
  const understood = model.parameters > 0; // else its folder could not be read
  return {
    label: `${icon} ${model.name}`,
    description: understood ? `${model.family}, ${count(model.parameters)} parameters` : '',
    detail: [here, ...(understood ? known : [])].join(' · '), // the end may be cut off,
  };
}

/** Why a model cannot be loaded here, or undefined. */
export function obstacle(model: ModelListing): string | undefined {
  if (model.inUse) {
    return undefined;
  }
  return model.problem ?? (model.fits ? undefined : 'there is too little memory');
}

/**
 * The effect of choosing a model; `setting` is the current value of `unmask.model`. If the setting
 * already names the model but another one serves, loading failed: the server is restarted.
 */
export function reaction(
  model: ModelListing,
  setting: string,
): 'explain' | 'nothing' | 'restart' | 'set' {
  if (obstacle(model) !== undefined) {
    return 'explain';
  }
  if (model.inUse && ['', model.name].includes(setting)) {
    return 'nothing';
  }
  return setting === model.name ? 'restart' : 'set';
}

/** `7.6B`, `494M`. */
function count(parameters: number): string {
  const millions = parameters / 1e6;
  return millions < 999.5
    ? `${Math.max(Math.round(millions), 1)}M`
    : `${(millions / 1000).toFixed(1)}B`;
}

function gigabytes(bytes: number): string {
  return `${(bytes / 1e9).toFixed(1)} GB`;
}
