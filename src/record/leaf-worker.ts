import { parentPort, workerData } from 'node:worker_threads'
import type { LeafRange } from './check-leaves.ts'
import { type LeafAnswer, type LeafWorkerData, openLeafReader } from './leaf-workers.ts'
import { reviveMacKeys } from './mac-keys.ts'

/* A thread that checks the ranges of leaves that it is told, one after the other, until it is told to stop. */
const { place, task } = workerData as LeafWorkerData
const reader = openLeafReader(place, { ...task, macKeys: reviveMacKeys(task.macKeys) })

parentPort?.on('message', async (message: LeafRange | 'stop') => {
  if (message === 'stop') {
    await reader.close()
    parentPort?.close()
    return
  }
  const answer = await answerTo(message)
  // Handed over, not copied.
  parentPort?.postMessage(answer, 'checked' in answer ? [answer.checked.leaves.buffer as ArrayBuffer] : [])
})

async function answerTo(range: LeafRange): Promise<LeafAnswer> {
  try {
    return { checked: await reader.check(range) }
  } catch (fault) {
    return { fault }
  }
}
