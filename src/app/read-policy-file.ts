import { readFile } from 'node:fs/promises'
import { parsePolicy } from '../policy/parse-policy.ts'
import type { PolicyText } from '../workflow/policy-in-force.ts'

/** @throws PolicyInvalid with every fault and its line */
export async function readPolicyFile(file: string): Promise<PolicyText> {
  const text = await readFile(file, 'utf8').catch((cause: unknown) => {
    throw new PolicyInvalid(`The policy ${file} cannot be read. Set POLICY_FILE to a file that can.`, { cause })
  })
  const reading = parsePolicy(text, file)
  if ('policy' in reading) return { policy: reading.policy, text }
  const faults = reading.faults.map(
    (fault) => `  ${file}:${fault.line} ${fault.path} ${fault.message}. ${fault.remedy}`,
  )
  throw new PolicyInvalid(`The policy is not valid:\n${faults.join('\n')}`)
}

class PolicyInvalid extends Error {
  readonly code = 'POLICY_INVALID'
  override name = 'PolicyInvalid'
}
