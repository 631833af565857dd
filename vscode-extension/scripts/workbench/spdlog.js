// Stands in for @vscode/spdlog in the local code-server. That module is compiled when it is
// installed; this one needs no compiler. It appends to the log file and leaves rotation out.

const fs = require('node:fs');
const path = require('node:path');

const NAMES = ['trace', 'debug', 'info', 'warning', 'error', 'critical'];
const OFF = NAMES.length;

class Logger {
  #file;
  #level = 2;
  #dated = true;

  constructor(_type, _name, file) {
    this.#file = file;
  }

  trace(message) {
    this.#write(0, message);
  }

  debug(message) {
    this.#write(1, message);
  }

  info(message) {
    this.#write(2, message);
  }

  warn(message) {
    this.#write(3, message);
  }

  error(message) {
    this.#write(4, message);
  }

  critical(message) {
    this.#write(5, message);
  }

  getLevel() {
    return this.#level;
  }

  setLevel(level) {
    this.#level = level;
  }

  setPattern() {
    this.#dated = true; // the one pattern that VS Code asks for
  }

  clearFormatters() {
    this.#dated = false;
  }

  flush() {}

  drop() {
    this.#level = OFF;
  }

  #write(level, message) {
    if (level >= this.#level) {
      const now = new Date().toISOString().replace('T', ' ').slice(0, 23);
      const line = this.#dated ? `${now} [${NAMES[level]}] ${message}\n` : message;
      fs.appendFileSync(this.#file, line);
    }
  }
}

async function createRotatingLogger(name, file) {
  await fs.promises.mkdir(path.dirname(file), { recursive: true });
  return new Logger('rotating', name, file);
}

exports.version = 1;
exports.setLevel = () => undefined;
exports.setFlushOn = () => undefined;
exports.Logger = Logger;
exports.createRotatingLogger = createRotatingLogger;
exports.createAsyncRotatingLogger = createRotatingLogger;
