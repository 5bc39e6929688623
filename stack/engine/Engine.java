import org.springframework.boot.*;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;

/** Starts the engine from the class path that setup fetched; every setting comes from stack/services. */
@SpringBootConfiguration(proxyBeanMethods = false)
@EnableAutoConfiguration
public class Engine {
  public static void main(String[] args) {
    SpringApplication.run(Engine.class, args);
  }
}
