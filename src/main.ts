import { runProcess } from './app/run-process.ts'

runProcess()
