// Runs llama.cpp by node-llama-cpp, for `unmask bench peers`.
//
//   node llama_cpp.mjs ENTRY MODEL THREADS CONTEXT
//
// ENTRY is the URL of the installed package's module, MODEL a GGUF file, CONTEXT in tokens. Speaks
// JSON, one object a line. First it says {ready: {…}} or {error}. Then it answers requests, each
// about one of two contexts, `lookup` with llama.cpp's prompt lookup and without:
//
//   {do: "clear", lookup}            → {}            empty the KV cache
//   {do: "prefill", lookup, tokens}  → {}            the KV cache holds these tokens, no others
//   {do: "complete", lookup, tokens} → {token, ms}, waits for {more: boolean}, and so on;
//                                      at the end {end: true, cached}
//
// A prompt's first tokens that the KV cache holds are not evaluated again (`cached`). `ms` is the
// time of one token alone, without the wait for `more`; the first includes the prompt.

import { createInterface } from 'node:readline';

const [entry, modelPath, threads, contextSize] = process.argv.slice(2);
const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

async function hear() {
  const { value, done } = await lines.next();
  return done ? undefined : JSON.parse(value);
}

async function load() {
  const { getLlama, getModuleVersion, InputLookupTokenPredictor } = await import(entry);
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    logLevel: 'error',
    maxThreads: Number(threads),
  });
  const model = await llama.loadModel({ modelPath });
  const open = async (tokenPredictor) => {
    const context = await model.createContext({
      contextSize: Number(contextSize),
      threads: Number(threads),
      flashAttention: 'auto',
    });
    return context.getSequence({ tokenPredictor });
  };
  process.report.excludeNetwork = true; // it looks up names
  const library = process.report
    .getReport()
    .sharedObjects.map((path) => path.split(/[\\/]/).at(-1))
    .find((name) => name.includes('ggml-cpu'));
  say({
    ready: {
      binding: await getModuleVersion(),
      release: llama.llamaCppRelease.release,
      build: llama.buildType,
      library: library ?? '',
      instructions: llama.systemInfo,
    },
  });
  return { plain: await open(undefined), lookup: await open(new InputLookupTokenPredictor()) };
}

// Erases what differs from `tokens`; returns how many of them the KV cache holds.
async function adapt(sequence, tokens) {
  await sequence.adaptStateToTokens(tokens, false);
  return sequence.nextTokenIndex;
}

async function prefill(sequence, tokens) {
  const cached = await adapt(sequence, tokens);
  if (cached < tokens.length) {
    await sequence.evaluateWithoutGeneratingNewTokens(tokens.slice(cached));
  }
  say({});
}

async function complete(sequence, tokens) {
  let started = performance.now();
  const cached = await adapt(sequence, tokens.slice(0, -1)); // the last one's logits are wanted
  sequence.tokenPredictor?.updateInputTokens(tokens);
  const options = { temperature: 0, yieldEogToken: true };
  const written = sequence.evaluate(tokens.slice(cached), options);
  for (;;) {
    const { value, done } = await written.next();
    if (done) {
      break;
    }
    say({ token: value, ms: performance.now() - started });
    const answer = await hear();
    started = performance.now();
    if (!answer?.more) {
      await written.return();
      break;
    }
  }
  say({ end: true, cached });
}

try {
  const sequences = await load();
  for (let request = await hear(); request; request = await hear()) {
    const sequence = request.lookup ? sequences.lookup : sequences.plain;
    if (request.do === 'clear') {
      await sequence.clearHistory();
      say({});
    } else if (request.do === 'prefill') {
      await prefill(sequence, request.tokens);
    } else {
      await complete(sequence, request.tokens);
    }
  }
} catch (error) {
  say({ error: String(error?.message ?? error) });
  process.exitCode = 1;
}
process.exit();
