import { tmpdir } from 'node:os'
import path from 'node:path'

/** For the environment of a process: what was compiled once is not compiled again. A start takes half the time. */
export const COMPILED = { NODE_COMPILE_CACHE: path.join(tmpdir(), 'countersign-compiled') }
