import { createScimDoor } from '../../src/directory/scim/door.ts'
import { serve } from '../../src/web/serve.ts'
import { createProvisioning } from '../../src/workflow/provision-people.ts'
import { createScimClient, type ScimClient } from '../support/scim-client.ts'
import { createTestContext, type TestContext } from '../workflow/test-context.ts'

const TOKEN = 'a-token-of-the-directory-for-tests-only-0123456789'

/** The door of the directory on a real record, spoken to over HTTP. */
export async function openScim(at: number): Promise<Scim> {
  const world = await createTestContext(at)
  const faults: unknown[] = []
  const serving = await serve({
    ...{ host: '127.0.0.1', port: 0, onFault: (error) => void faults.push(error) },
    routers: [
      createScimDoor({
        ...{ token: TOKEN, publicUrl: () => 'https://countersign.example' },
        ...{ provisioning: createProvisioning(world.context), onFault: (error) => void faults.push(error) },
      }),
    ],
  })
  return {
    ...{ world, faults },
    ...createScimClient(`http://127.0.0.1:${serving.port}`, TOKEN),
    async close() {
      await serving.stop()
      await world.database.drop()
    },
  }
}

export interface Scim extends ScimClient {
  readonly world: TestContext
  readonly faults: readonly unknown[]
  close(): Promise<void>
}
