package holdfast.stack;

import org.springframework.boot.SpringApplication;
import org.springframework.boot.SpringBootConfiguration;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;

/** Starts the engine that stands on the class path, Camunda or Operaton; its settings come from stack/services. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
public class Engine {
  public static void main(String[] args) {
    SpringApplication.run(Engine.class, args);
  }
}
